import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { systemClock } from '@stint/common/time.ts';
import { providerKinds } from './catalog.ts';
import { declarationFaults, openingFaults, openProviders } from './open-providers.ts';
import { postgresSettings } from './postgres/config.ts';
import type { ProviderDeclaration } from './provider-kind.ts';
import { closeProviders, keySet, maintainProviders } from './provider-set.ts';

const jwt: ProviderDeclaration = {
  name: 'tokens',
  kind: 'jwt',
  settings: { issuer: 'https://broker.stint.local' },
};

function surroundingsFor(t: TestContext) {
  const stateDirectory = mkdtempSync(path.join(tmpdir(), 'stint-catalog-'));
  t.after(() => rmSync(stateDirectory, { recursive: true }));
  return { brokerName: 'dev', stateDirectory, clock: systemClock };
}

function postgres(passwordFile: string): ProviderDeclaration {
  return {
    name: 'main-db',
    kind: 'postgres',
    settings: { host: '127.0.0.1', sslmode: 'disable', passwordFile },
  };
}

test('declared providers open without contacting a target, and publish their keys', async (t) => {
  const surroundings = surroundingsFor(t);
  const passwordFile = path.join(surroundings.stateDirectory, 'password');
  writeFileSync(passwordFile, 'the password\n', { mode: 0o600 });
  const providers = await openProviders(providerKinds, [jwt, postgres(passwordFile)], surroundings);
  assert.deepEqual([...providers.keys()], ['tokens', 'main-db']);
  assert.equal(keySet(providers).keys.length, 1);
  assert.doesNotMatch(inspect(providers, { depth: 9, showHidden: true }), /the password/);
  await maintainProviders(providers);
  await closeProviders(providers);
  const again = await openProviders(providerKinds, [jwt], surroundings);
  assert.deepEqual(keySet(again), keySet(providers), 'keys outlive a restart');
});

test('every fault of every declaration is listed, with its provider', (t) => {
  const faults = declarationFaults(
    providerKinds,
    [
      jwt,
      jwt,
      { name: 'Bad Name', kind: 'constructor', settings: {} },
      { name: 'db', kind: 'postgres', settings: { port: 'x' } },
    ],
    { ...surroundingsFor(t), brokerName: 'not-fit' },
  ).join('\n');
  assert.match(faults, /provider "tokens": declared twice/);
  assert.match(faults, /provider "Bad Name": a name is/);
  assert.match(faults, /kind "constructor" is not known; known are jwt, postgres/);
  assert.match(faults, /provider "db": broker name "not-fit"/);
  assert.match(faults, /provider "db": setting "port"/);
});

test('faulty declarations and passwords that others may read stop the start', async (t) => {
  const surroundings = surroundingsFor(t);
  await assert.rejects(openProviders(providerKinds, [{ ...jwt, settings: {} }], surroundings), /"issuer"/);
  const passwordFile = path.join(surroundings.stateDirectory, 'password');
  await assert.rejects(
    openProviders(providerKinds, [postgres(passwordFile)], surroundings),
    /provider "main-db": setting "passwordFile": ".*password" does not exist: make it, or name another/,
  );
  writeFileSync(passwordFile, 'x', { mode: 0o644 });
  await assert.rejects(
    openProviders(providerKinds, [postgres(passwordFile)], surroundings),
    /provider "main-db": setting "passwordFile": .*(?:chmod|0600)/,
  );
});

test('what the check finds in the files is what the start would say, and all of it', async (t) => {
  const surroundings = surroundingsFor(t);
  const at = (name: string) => path.join(surroundings.stateDirectory, name);
  writeFileSync(at('good'), 'x', { mode: 0o600 });
  writeFileSync(at('open'), 'x', { mode: 0o640 });
  symlinkSync(at('good'), at('link'));
  const named = (name: string, settings: Record<string, string>): ProviderDeclaration => {
    const { kind, settings: rest } = postgres(at('good'));
    return { name, kind, settings: { ...rest, ...settings } };
  };
  const faulty = [
    named('missing', { passwordFile: at('none') }),
    named('exposed', { passwordFile: at('open') }),
    named('linked', { passwordFile: at('link') }),
    named('folder', { passwordFile: surroundings.stateDirectory }),
    named('no-ca', { caFile: at('none') }),
  ];
  const said: string[] = [];
  for (const one of faulty)
    await openProviders(providerKinds, [one], surroundings).then(
      () => assert.fail(one.name),
      (fault: Error) => said.push(fault.message),
    );
  assert.deepEqual(
    await openingFaults(providerKinds, [named('good', {}), ...faulty, jwt], surroundings),
    said,
  );
  assert.match(
    said.join('\n'),
    /"exposed".*mode 0640.*\n.*"linked".*a link.*\n.*\n.*"no-ca": setting "caFile"/,
  );
  assert.deepEqual(readdirSync(surroundings.stateDirectory).toSorted(), ['good', 'link', 'open']);
});

test('the README names every setting of a PostgreSQL instance', () => {
  const readme = readFileSync(path.join(import.meta.dirname, 'postgres/README.md'), 'utf8');
  for (const setting of Object.keys(postgresSettings))
    assert.match(readme, new RegExp(`^\\| \`${setting}\` +\\|`, 'm'));
});
