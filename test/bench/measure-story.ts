import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repositoryRoot } from '../../deploy/tools.ts';
import { type Figure, figureOf } from './figure.ts';

const runs = 3;

/** Seconds of `npm start -- --once` after its set-up, on a new state directory: a mesh from nothing to the story's end. */
export async function measureStory(): Promise<Figure[]> {
  const samples: number[] = [];
  for (let i = 0; i < runs; i++) {
    await inScratch(async (directory) => {
      const args = ['services/cli/main.ts', 'dev', '--once', '--state-dir', path.join(directory, 'state')];
      samples.push(await secondsOf([process.execPath, ...args], repositoryRoot));
    });
  }
  return [figureOf({ name: 'story.warm', unit: 's', better: 'lower' }, samples)];
}

/** Seconds of `npm run setup` on a fresh clone, with whatever npm's own cache holds. */
export async function measureSetup(): Promise<Figure[]> {
  const samples: number[] = [];
  await inScratch(async (directory) => {
    const clone = path.join(directory, 'clone');
    await secondsOf(['git', 'clone', '--quiet', repositoryRoot, clone], directory);
    const npmrc = path.join(repositoryRoot, '.npmrc');
    if (existsSync(npmrc)) cpSync(npmrc, path.join(clone, '.npmrc'));
    samples.push(await secondsOf(['npm', 'run', 'setup'], clone));
  });
  return [figureOf({ name: 'setup.fresh', unit: 's', better: 'lower' }, samples)];
}

/** Runs a program to its end. @throws Error with the last it printed when it fails. */
async function secondsOf([program = '', ...args]: readonly string[], directory: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => {
      printed = (printed + String(bytes)).slice(-2_000);
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`bench: "${program} ${args.join(' ')}" ended with ${code}:\n${printed}`);
  return (performance.now() - startedAt) / 1_000;
}

async function inScratch(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-bench-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
