import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { MeshPart } from '../../deploy/mesh/mesh.ts';
import { processesIn } from '../../deploy/servers/processes-in.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { columnsOf } from '../../services/cli/terminal/wrap-text.ts';
import { processesNaming } from './mesh-under-test.ts';

const program = path.join(repositoryRoot, 'services/cli/main.ts');

/** `stint dev` on a state directory, as `npm start` runs it. */
export class DevRun {
  readonly process: ChildProcess;
  output = '';
  readonly #state: string;
  readonly #exited: Promise<number | null>;

  constructor(
    state: string,
    args: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      NO_COLOR: '1',
      ...environment,
    };
    const child = spawn(process.execPath, [program, 'dev', '--state-dir', state, ...args], {
      env,
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += String(chunk);
      });
    }
    this.#state = state;
    this.process = child;
    this.#exited = once(child, 'close').then(([code]) => code as number | null);
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Resolves once it has printed the text. */
  async printed(text: string): Promise<void> {
    const seen = () => this.output.includes(text);
    while (!seen()) {
      const more = this.process.stdout === null ? undefined : once(this.process.stdout, 'data');
      const ended = await Promise.race([more, this.#exited.then(() => 'ended' as const)]);
      if (ended === 'ended' && !seen()) assert.fail(`"${text}" was never printed:\n${this.output}`);
    }
  }

  /** @throws AssertionError with the lines that a terminal of 80 columns would break, paths of the state directory apart. */
  assertFits(): void {
    const told = this.output.replaceAll(this.#state, '.stint').split('\n');
    assert.deepEqual(
      told.filter((line) => columnsOf(line) > 80),
      [],
    );
  }
}

/** The servers' processes on a state directory, whoever started them. */
export function serversOf(state: string): number[] {
  return [...processesIn(path.join(state, 'postgresql', 'server')), ...processesIn(path.join(state, 'nats'))];
}

/** The process of a part, by what the system knows of it. */
export function pidOf(state: string, part: MeshPart): number {
  if (part === 'postgresql')
    return Number(
      readFileSync(path.join(state, 'postgresql/server/data/postmaster.pid'), 'utf8').split('\n')[0],
    );
  const named = part === 'nats' ? 'nats-server' : `services/${part}/main.ts`;
  const found = processesNaming(state).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(named),
  );
  assert.equal(found.length, 1, `processes of ${part}: ${found.join(' ')}`);
  return found[0] ?? 0;
}

/** One `stint` command on the mesh of a state directory that is named `.stint`. @throws when it does not exit with 0. */
export async function stintOn(state: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    cwd: path.dirname(state),
    env: { PATH: process.env['PATH'], STINT_SIDECAR_SOCKET: '', NO_COLOR: '1' },
  });
  return stdout;
}
