import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repositoryRoot } from '../../deploy/tools.ts';
import { generatedDirectory, generateTypes } from '../generate.ts';
import { faultOf, runTool } from './tool.ts';

/** Where the released contract is looked for; the first that exists counts. */
const mainBranches = ['refs/remotes/origin/main', 'refs/heads/main'];

/** Checks the style of the contract by proto/buf.yaml. */
export function checkContractStyle(): Promise<string | undefined> {
  return faultOf(['buf', 'lint'], { directory: 'proto' });
}

/**
 * Checks that programs which speak the main branch's contract are understood still. A clone without a main branch,
 * and a main branch without a contract, leave it unchecked.
 */
export function checkContractCompatibility(): Promise<string | undefined | { readonly notChecked: string }> {
  return withScratch(async (scratch) => {
    const branch = await mainBranchWithContract();
    if (branch === undefined) return { notChecked: 'there is no main branch with a contract here' };
    const archive = path.join(scratch, 'proto.tar');
    execFileSync('git', ['archive', `--output=${archive}`, branch, 'proto'], { cwd: repositoryRoot });
    execFileSync('tar', ['-xf', archive, '-C', scratch]);
    return faultOf(['buf', 'breaking', '--against', path.join(scratch, 'proto')], { directory: 'proto' });
  });
}

/** Checks that the committed types are the ones that the contract gives: `npm run generate` repairs it. */
export function checkGeneratedTypes(): Promise<string | undefined> {
  return withScratch((scratch) => {
    generateTypes(scratch);
    const fresh = filesIn(scratch);
    const committed = filesIn(generatedDirectory);
    const differing = [...new Set([...fresh.keys(), ...committed.keys()])].filter(
      (file) => fresh.get(file) !== committed.get(file),
    );
    if (differing.length === 0) return undefined;
    return ['services/common/gen differs from proto/: run "npm run generate"', ...differing].join('\n');
  });
}

async function mainBranchWithContract(): Promise<string | undefined> {
  for (const branch of mainBranches) {
    const found = await runTool(['git', 'rev-parse', '--verify', '--quiet', `${branch}:proto/stint`]);
    if (found.isOk) return branch;
  }
  return undefined;
}

function filesIn(directory: string): Map<string, string> {
  if (!existsSync(directory)) return new Map();
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return new Map(files.map((file) => [file, readFileSync(path.join(directory, file), 'utf8')]));
}

async function withScratch<T>(use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-check-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
