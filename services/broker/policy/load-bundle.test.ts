import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inForce, testRegistry, testRules } from '../../../test/harness/policy-bundle.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import type { Bundle } from '../app/ports/policy.ts';
import { findProfile } from '../domain/registry.ts';
import { renderFaults } from '../registry/source-fault.ts';
import { admitInWorker } from './admission.ts';
import { BundleRefused, loadBundle } from './load-bundle.ts';
import { fileBytesMax } from './policy-limits.ts';

const permit = '@id("anybody") @max_ttl("5m") permit (principal, action, resource);\n';

async function bundleIn(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = tempDir(t);
  await write(directory, files);
  return directory;
}

async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

function load(directory: string): Promise<Bundle> {
  return loadBundle(directory, testRules, () => undefined);
}

async function refusalOf(directory: string): Promise<string> {
  try {
    await load(directory);
  } catch (thrown) {
    assert.ok(thrown instanceof BundleRefused, String(thrown));
    assert.equal(thrown.reason, 'POLICY_INVALID');
    return renderFaults(thrown.faults);
  }
  return assert.fail('the bundle was loaded');
}

test('a bundle loads whole: registry, policies and the hash of both', async (t) => {
  const directory = await bundleIn(t, { 'registry.yaml': testRegistry, 'policies/a.cedar': permit });
  const { registry, sha256, policyCount } = await load(directory);
  assert.equal(registry.identities.size, 3);
  assert.equal(registry.resources.size, 2);
  assert.equal(policyCount, 1);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.equal(registry.sha256, sha256);
});

test('the hash follows every byte and every name, and nothing else', async (t) => {
  const files = { 'registry.yaml': testRegistry, 'policies/a.cedar': permit };
  const hash = async (changed: Readonly<Record<string, string>>) =>
    (await load(await bundleIn(t, changed))).sha256;
  const first = await hash(files);
  assert.equal(await hash(files), first);
  assert.equal(await hash({ ...files, 'policies/README.md': 'x', 'policies/.hidden': 'y' }), first);
  assert.notEqual(await hash({ ...files, 'policies/a.cedar': `${permit}\n` }), first);
  assert.notEqual(await hash({ 'registry.yaml': testRegistry, 'policies/b.cedar': permit }), first);
});

test('a refused reload leaves the running bundle deciding as before', async (t) => {
  const directory = await bundleIn(t, { 'registry.yaml': testRegistry, 'policies/a.cedar': permit });
  const running = await load(directory);
  const [identity] = running.registry.identities.values();
  const resource = running.registry.resources.get('web');
  const profile = resource === undefined ? undefined : findProfile(resource, 'deploy');
  assert.ok(identity !== undefined && resource !== undefined && profile !== undefined);
  const question = (now: number) => ({
    ...{ identity, resource, profile, now, verified: {} },
    declared: { justification: '', context: {}, parameters: {} },
  });
  await write(directory, { 'policies/b.cedar': permit.replace('principal,', 'principle,') });
  assert.match(await refusalOf(directory), /^policies\/b\.cedar:1:39: found an invalid variable/);
  assert.equal(running.engine.decide(question(1)).kind, 'allow');
  await write(directory, {
    'policies/b.cedar': '@id("closed") @deny_reason("closed") forbid (principal, action, resource);',
  });
  const next = await load(directory);
  assert.equal(next.engine.decide(question(2)).kind, 'deny');
  assert.equal(running.engine.decide(question(2)).kind, 'allow');
  assert.notEqual(next.sha256, running.sha256);
});

test('the registry may be one file or a folder of them', async (t) => {
  const [head = '', tail = ''] = testRegistry.split('resources:');
  const directory = await bundleIn(t, {
    'registry/1-people.yaml': head,
    'registry/2-things.yaml': `resources:${tail}`,
    'policies/a.cedar': permit,
  });
  assert.equal((await load(directory)).registry.resources.size, 2);
});

test('a file with the wrong ending is refused, not left out', async (t) => {
  const directory = await bundleIn(t, { 'registry.yaml': testRegistry, 'policies/a.ceder': permit });
  assert.equal(
    await refusalOf(directory),
    'policies/a.ceder: only .cedar files belong here; rename the file or move it away',
  );
});

test('a missing directory, a missing registry and a file that cannot be read are refused', async (t) => {
  const directory = await bundleIn(t, { 'policies/a.cedar': permit, 'policies/b.cedar/c': '' });
  const refusal = await refusalOf(directory);
  assert.match(refusal, /there is no registry\.yaml and no registry\/\*\.yaml/);
  assert.match(refusal, /policies\/b\.cedar: cannot be read: it is not a regular file/);
  assert.match(await refusalOf(join(directory, 'nowhere')), /nowhere: cannot be read: ENOENT/);
});

test('a pipe and a device in the place of a file are refused at once', async (t) => {
  const directory = await bundleIn(t, { 'registry.yaml': testRegistry, 'policies/a.cedar': permit });
  execFileSync('mkfifo', [join(directory, 'policies/pipe.cedar')]);
  await symlink('/dev/zero', join(directory, 'policies/zero.cedar'));
  const faults = await refusalOf(directory);
  for (const name of ['pipe', 'zero'])
    assert.match(faults, new RegExp(`policies/${name}\\.cedar.*not a regular file`));
});

test('a file over the size limit is refused unparsed', async (t) => {
  const directory = await bundleIn(t, {
    'registry.yaml': testRegistry,
    'policies/a.cedar': '/'.repeat(fileBytesMax + 1),
  });
  assert.equal(
    await refusalOf(directory),
    `policies/a.cedar: the file is larger than ${fileBytesMax} bytes; split it`,
  );
});

test('an error carries as many faults as it may and counts the rest', async (t) => {
  const wrong = Array.from(
    { length: 40 },
    (_, i) => `@id("r${i}") permit (principal, action, resource);`,
  ).join('\n');
  const directory = await bundleIn(t, { 'registry.yaml': testRegistry, 'policies/a.cedar': wrong });
  await assert.rejects(load(directory), (thrown: BundleRefused) => {
    assert.ok(thrown.message.length <= 1_024);
    assert.match(thrown.message, /^policies\/a\.cedar:1:1: the permit has no @max_ttl.*\nand \d+ more$/s);
    assert.equal(thrown.metadata['faults'], '40');
    assert.equal(thrown.metadata['bundle_dir'], directory);
    return true;
  });
});

test('the worst that the limits let through fits the admission thread', async () => {
  const nest = `${'['.repeat(14)}1${']'.repeat(14)}`;
  const condition = `principal.kind != "y" && (${nest} == ${nest} || ${Array(90).fill('principal.kind == "x"').join(' || ')})`;
  const policy = `@id("worst") @max_ttl("5m") permit (principal, action, resource) when { ${condition} };`;
  const answer = await admitInWorker(
    filesOf({ 'registry.yaml': testRegistry, 'policies/a.cedar': policy }),
    testRules,
  );
  assert.ok(answer.kind === 'admitted', JSON.stringify(answer));
  const { engine, ask } = inForce(answer);
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'])).kind, 'allow');
});

test('an admission thread that takes too long or too much memory means refused', async () => {
  const many = Array.from(
    { length: 900 },
    (_, i) => `@id("r${i}") @max_ttl("5m") permit (principal, action, resource);`,
  ).join('\n');
  const files = filesOf({ 'registry.yaml': testRegistry, 'policies/a.cedar': many });
  const late = await admitInWorker(files, testRules, { ms: 1, heapMiB: 256 });
  assert.match(late.kind === 'refused' ? renderFaults(late.faults) : '', /not judged within 1 ms/);
  const fat = await admitInWorker(files, testRules, { ms: 60_000, heapMiB: 4 });
  assert.match(fat.kind === 'refused' ? renderFaults(fat.faults) : '', /judging the bundle failed: .*memory/);
});

const demoDirectory = join(import.meta.dirname, '../../../deploy/demo');

test('the demo bundle allows the report to read and not to write, and names who may', async () => {
  const rules = { ...testRules, providerNames: ['demo-postgres', 'grant-token'] };
  const { registry, engine } = await loadBundle(demoDirectory, rules, ({ message }) => assert.fail(message));
  const resource = registry.resources.get('demo-db');
  const api = registry.resources.get('demo-api');
  const [report, pipeline] = [...registry.identities.values()];
  assert.ok(resource !== undefined && api !== undefined && report !== undefined && pipeline !== undefined);
  const ask = (identity: typeof report, target: typeof resource, action: string) => {
    const profile = findProfile(target, action);
    assert.ok(profile !== undefined);
    const declared = { justification: 'nightly report', context: {}, parameters: {} };
    return { identity, resource: target, profile, declared, verified: {}, now: 0 };
  };
  assert.deepEqual(engine.decide(ask(report, resource, 'read')).ruleIds, ['reporting-reads-databases']);
  assert.equal(engine.decide(ask(report, api, 'deploy')).kind, 'deny');
  assert.equal(engine.decide(ask(pipeline, api, 'deploy')).kind, 'allow');
  const { decision, nearest } = engine.explain(ask(report, resource, 'write'));
  assert.equal(decision.kind, 'deny');
  assert.deepEqual(
    nearest.map(({ ruleId, location, conditions }) => [
      ruleId,
      location,
      conditions.filter(({ outcome }) => outcome !== 'holds'),
    ]),
    [
      [
        'migrator-writes-demo-db',
        join(demoDirectory, 'policies/databases.cedar:16'),
        [{ text: 'principal in Stint::Role::"migrator"', outcome: 'fails' }],
      ],
    ],
  );
});

function filesOf(files: Readonly<Record<string, string>>) {
  const encoder = new TextEncoder();
  return Object.entries(files).map(([path, text]) => ({ path, bytes: encoder.encode(text) }));
}
