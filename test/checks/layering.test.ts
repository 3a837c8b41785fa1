import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { findLayeringFaults } from './layering.ts';

/** A faulty import each: file, what it imports (paths from the root, or a package), the rule that must refuse it. */
const planted: readonly (readonly [file: string, imported: string, rule: string])[] = [
  ['services/broker/domain/reads-a-file.ts', 'node:fs', 'domain-is-pure'],
  ['services/broker/domain/reads-config.ts', 'services/common/config.ts', 'domain-is-pure'],
  ['services/broker/app/stores.ts', 'services/broker/store/rows.ts', 'app-knows-no-adapter'],
  ['services/broker/rpc/stores.ts', 'services/broker/store/rows.ts', 'adapters-stand-alone'],
  ['services/broker/store/decides.ts', 'services/broker/app/use-case.ts', 'driven-adapters-see-ports-only'],
  ['services/broker/store/migrations/reads.ts', 'services/broker/store/rows.ts', 'migrations-are-frozen'],
  ['services/broker/store/migrations/knows.ts', 'services/broker/domain/pure.ts', 'migrations-are-frozen'],
  ['services/broker/wire.ts', 'services/broker/providers/jwt/provider.ts', 'plugins-through-their-catalog'],
  [
    'services/broker/providers/jwt/borrows.ts',
    'services/broker/providers/postgres/provider.ts',
    'plugins-stand-alone',
  ],
  ['services/broker/config.ts', 'services/broker/store/rows.ts', 'only-wire-knows-adapters'],
  ['services/broker/app/issues.ts', 'services/broker/providers/catalog.ts', 'only-wire-knows-catalogs'],
  ['services/broker/app/wires.ts', 'services/broker/wire.ts', 'only-main-knows-wire'],
  ['services/broker/rpc/wires.ts', 'services/broker/wire/bus.ts', 'only-main-knows-wire'],
  [
    'services/broker/wire/targets.ts',
    'services/broker/providers/jwt/provider.ts',
    'plugins-through-their-catalog',
  ],
  ['services/cli/views/borrows.ts', 'services/cli/commands/status.ts', 'only-program-knows-commands'],
  ['services/sidecar/app/cheats.ts', 'services/broker/domain/pure.ts', 'services-meet-in-the-contract'],
  ['services/common/cheats.ts', 'services/broker/domain/pure.ts', 'common-knows-no-service'],
  ['services/broker/main.ts', 'services/common/lonely.ts', 'common-is-shared'],
  ['services/broker/app/tests.ts', 'test/fake.ts', 'production-knows-no-test'],
  ['services/broker/app/deploys.ts', 'deploy/tool.ts', 'services-know-no-deployment'],
  ['services/broker/app/circular.ts', 'services/broker/app/back.ts', 'no-cycles'],
  ['services/broker/app/back.ts', 'services/broker/app/circular.ts', 'no-cycles'],
  ['services/broker/app/lost.ts', 'services/broker/app/absent.ts', 'every-import-resolves'],
  ['services/broker/rpc/rows.ts', 'kysely', 'fence-kysely'],
  ['services/broker/store/calls.ts', '@grpc/grpc-js', 'fence-grpc'],
  ['services/broker/rpc/decides.ts', '@cedar-policy/cedar-wasm', 'fence-cedar'],
  ['services/broker/rpc/queries.ts', 'pg', 'fence-pg'],
  ['services/broker/rpc/publishes.ts', '@nats-io/transport-node', 'fence-nats'],
  ['services/broker/rpc/exports.ts', '@opentelemetry/sdk-node', 'fence-telemetry-sdk'],
  ['services/broker/rpc/signs.ts', 'jose', 'fence-jose'],
];

const innocent = [
  'services/broker/domain/pure.ts',
  'services/broker/store/rows.ts',
  'services/broker/app/use-case.ts',
  'services/broker/wire/bus.ts',
  'services/broker/providers/catalog.ts',
  'services/broker/providers/jwt/provider.ts',
  'services/broker/providers/postgres/provider.ts',
  'services/cli/commands/status.ts',
  'services/common/lonely.ts',
  'services/common/config.ts',
  'test/fake.ts',
  'deploy/tool.ts',
];

test('every layering rule refuses the import it is there for', async (t) => {
  const root = tempDir(t);
  for (const file of innocent) write(root, file, 'export const name = 1;\n');
  for (const [file, imported] of planted)
    write(root, file, `import ${JSON.stringify(specifier(file, imported))};\n`);
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json'])
    cpSync(path.join(repositoryRoot, file), path.join(root, file));
  symlinkSync(path.join(repositoryRoot, 'node_modules'), path.join(root, 'node_modules'));
  const faults = (await findLayeringFaults(root)).join('\n');
  for (const [file, imported, rule] of planted) {
    // A cycle is told once, at any of its modules; a module that is not shared is itself the fault.
    const places =
      rule === 'no-cycles' ? `(${file}|${imported})` : rule === 'common-is-shared' ? imported : file;
    assert.match(faults, new RegExp(`^${rule}: ${places}`, 'm'), `${file} imports ${imported}`);
  }
});

test('a source file that the tool does not see is a fault', async (t) => {
  const root = tempDir(t);
  for (const folder of ['services', 'deploy', 'test'])
    write(root, `${folder}/seen.ts`, 'export const name = 1;\n');
  writeFileSync(
    path.join(root, '.dependency-cruiser.cjs'),
    "module.exports = { options: { exclude: '^deploy' } };",
  );
  assert.match((await findLayeringFaults(root)).join('\n'), /^not cruised: deploy\/seen\.ts$/m);
});

function specifier(file: string, imported: string): string {
  if (!/^(services|test|deploy)\//.test(imported)) return imported;
  const relative = path.relative(path.dirname(file), imported);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

function write(root: string, file: string, text: string): void {
  const place = path.join(root, file);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, text);
}
