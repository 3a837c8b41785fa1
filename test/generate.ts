import { execFileSync } from 'node:child_process';
import { globSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../deploy/tools.ts';
import { writeGeneratedTables } from './generated-tables.ts';

const protoDirectory = path.join(repositoryRoot, 'proto');

/** Where the types generated from the contract are committed. */
export const generatedDirectory = path.join(repositoryRoot, 'services/common/gen');

/**
 * How the types see messages: as services/common/proto.ts loads them, which must have the same options.
 * 64-bit integers are numbers: ours are sequences, counts and seconds, all far below 2^53.
 */
const loaderOptions = ['--longs=Number', '--enums=String', '--defaults', '--oneofs'];

/** Writes the types of every file of the contract into a folder, which is made. */
export function generateTypes(directory: string): void {
  const files = globSync('**/*.proto', { cwd: protoDirectory }).toSorted();
  const layout = [
    '--includeDirs=.',
    '--importFileExtension=.ts',
    '--grpcLib=@grpc/grpc-js',
    `--outDir=${directory}`,
  ];
  const program = path.join(repositoryRoot, 'node_modules/.bin/proto-loader-gen-types');
  execFileSync(program, [...loaderOptions, ...layout, ...files], {
    cwd: protoDirectory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

// `npm run generate`. Generated beside the final place and renamed, so that types of removed messages go too.
if (import.meta.main) {
  const fresh = `${generatedDirectory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  generateTypes(fresh);
  rmSync(generatedDirectory, { recursive: true, force: true });
  renameSync(fresh, generatedDirectory);
  writeGeneratedTables();
}
