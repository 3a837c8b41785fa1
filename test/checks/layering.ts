import { globSync } from 'node:fs';
import { repositoryRoot } from '../../deploy/tools.ts';
import { runTool } from './tool.ts';

/** Fewer than this means that the tool has lost its sight, whatever it says: today's number, rounded down. */
const modulesMin = 300;

/** Types only, made by a tool, and each reached through its importers. */
const generated = 'services/common/gen';

const folders = ['services', 'deploy', 'test'];

type CruiseResult = {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly totalCruised: number;
    readonly totalDependenciesCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
};

/**
 * Checks who imports whom by .dependency-cruiser.cjs, and that the tool saw every source file: with a TypeScript
 * that it cannot drive, it finds nothing in nothing and is content.
 */
export async function checkLayering(): Promise<string | undefined> {
  const faults = await findLayeringFaults(repositoryRoot);
  return faults.length === 0 ? undefined : faults.join('\n');
}

/** The faults of a tree that is laid out as this repository is, sorted; at a fault of the tool, what it said. */
export async function findLayeringFaults(root: string): Promise<string[]> {
  const { stdout, stderr } = await runTool(['depcruise', ...folders, '--output-type', 'json'], {
    directory: root,
  });
  if (!stdout.startsWith('{')) return [stderr];
  const { modules, summary } = JSON.parse(stdout) as CruiseResult;
  const seen = new Set(modules.map(({ source }) => source));
  const sources = globSync('{services,deploy,test}/**/*.ts', {
    cwd: root,
    exclude: ['**/node_modules', generated],
  });
  return [
    ...summary.violations.map(
      ({ rule, from, to }) => `${rule.name}: ${from}${from === to ? '' : ` → ${to}`}`,
    ),
    ...sources.filter((file) => !seen.has(file)).map((file) => `not cruised: ${file}`),
    ...(root === repositoryRoot ? lostSight(summary) : []),
  ].toSorted();
}

function lostSight({ totalCruised, totalDependenciesCruised }: CruiseResult['summary']): string[] {
  const faults: string[] = [];
  if (totalCruised < modulesMin)
    faults.push(`only ${totalCruised} modules cruised, at least ${modulesMin} expected`);
  if (totalDependenciesCruised < totalCruised) faults.push('fewer imports than modules were seen');
  return faults;
}
