import { requireNode24 } from '../deploy/tools.ts';
import { checkContractCompatibility, checkContractStyle, checkGeneratedTypes } from './checks/contract.ts';
import { checkGeneratedTables } from './checks/documents.ts';
import { checkLayering } from './checks/layering.ts';
import { checkLockfile } from './checks/lockfile.ts';
import { faultOf } from './checks/tool.ts';
import { checkTypes } from './checks/types.ts';

/** Undefined when the claim holds, else what is wrong; or why it could not be checked here. */
type Verdict = string | undefined | { readonly notChecked: string };

/** What is claimed of the repository, and how it is checked. */
type Check = { readonly claim: string; readonly run: () => Verdict | Promise<Verdict> };

const checks: readonly Check[] = [
  {
    claim: 'Files are formatted and free of lint (npx biome check --write mends most)',
    run: () => faultOf(['biome', 'check', '--error-on-warnings', '--max-diagnostics=60', '--colors=off']),
  },
  { claim: 'Types hold and no promise is lost', run: checkTypes },
  { claim: 'Modules import only what their layer may know', run: checkLayering },
  { claim: 'No file, export or dependency is dead', run: () => faultOf(['knip', '--no-progress']) },
  { claim: 'The contract follows the style of protocol buffers', run: checkContractStyle },
  { claim: 'The contract breaks nobody who speaks that of the main branch', run: checkContractCompatibility },
  { claim: 'Generated types are in sync with the contract', run: checkGeneratedTypes },
  { claim: 'Tables in the documentation are in sync with the code', run: checkGeneratedTables },
  { claim: 'The lockfile names no registry and pins what it installs', run: checkLockfile },
];

/** Runs every check, also after one has failed, and prints a line for each. @returns how many failed */
export async function runChecks(): Promise<number> {
  let failures = 0;
  for (const { claim, run } of checks) {
    const start = performance.now();
    const verdict = await run();
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    if (typeof verdict === 'string') failures += 1;
    console.log(lines(claim, seconds, verdict));
  }
  console.log(
    failures === 0 ? `All ${checks.length} checks hold` : `${failures} of ${checks.length} checks failed`,
  );
  return failures;
}

function lines(claim: string, seconds: string, verdict: Verdict): string {
  if (verdict === undefined) return `ok    ${claim} (${seconds} s)`;
  if (typeof verdict === 'object') return `SKIP  ${claim}: NOT CHECKED, ${verdict.notChecked}`;
  return `FAIL  ${claim} (${seconds} s)\n${verdict.replace(/^/gm, '      ')}`;
}

// `npm run check`
if (import.meta.main) {
  requireNode24();
  process.exitCode = (await runChecks()) === 0 ? 0 : 1;
}
