import { staleTables } from '../generated-tables.ts';

/** Checks that options and errors stand in the documentation as they stand in the code. */
export function checkGeneratedTables(): string | undefined {
  const stale = staleTables();
  if (stale.length === 0) return undefined;
  return ['tables differ from the code: run "npm run generate"', ...stale].join('\n');
}
