import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseSpiffeId, parseTrustDomain } from '@stint/common/spiffe-id.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { requireProvidable } from '../../services/broker/app/bundles.ts';
import type { ProviderSet } from '../../services/broker/app/ports/provider.ts';
import { loadBundle } from '../../services/broker/policy/load-bundle.ts';
import { MemoryTarget } from '../fakes/memory-target.ts';
import { BrokerCore, bySession, refusalOf } from '../harness/broker-core.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const pipeline = parseSpiffeId('spiffe://stint.local/demo/ci-deploy');

/** A broker on a copy of the demo's bundle, loaded and judged as the real one does. */
async function withDemoBundle(t: TestContext) {
  const directory = tempDir(t);
  cpSync(path.join(repositoryRoot, 'deploy/demo/registry.yaml'), path.join(directory, 'registry.yaml'));
  cpSync(path.join(repositoryRoot, 'deploy/demo/policies'), path.join(directory, 'policies'), {
    recursive: true,
  });
  const edit = (file: string, change: (text: string) => string) => {
    const whole = path.join(directory, file);
    const text = readFileSync(whole, 'utf8');
    const changed = change(text);
    assert.notEqual(changed, text, 'the edit changes something');
    writeFileSync(whole, changed);
  };
  // The demo's names for what this broker has.
  edit('registry.yaml', (text) =>
    text
      .replaceAll('demo-postgres', 'database')
      .replaceAll('grant-token', 'token')
      .replace('groupRole: stint_demo_read', 'role: reader')
      .replace('groupRole: stint_demo_write', 'role: writer'),
  );
  /** How often the directory was read, and what the last reading waits for before it goes on. */
  const reads: { count: number; gate: Promise<void> | undefined } = { count: 0, gate: undefined };
  const load = async (providers: ProviderSet) => {
    const rules = { trustDomain: parseTrustDomain('stint.local'), providerNames: [...providers.keys()] };
    const bundle = await loadBundle(directory, rules, (fault) => assert.fail(fault.message));
    requireProvidable(bundle.registry, providers);
    reads.count++;
    await reads.gate;
    return bundle;
  };
  const core = await BrokerCore.start(t, { load });
  const deploy = () =>
    core.request.execute(
      core.asker(pipeline),
      core.question({ resource: 'demo-api', action: 'deploy' }),
      bySession,
    );
  const reload = () => core.bundles.reload(core.store.ledger);
  return { core, edit, deploy, reload, reads };
}

const forbidAll = '\n@id("closed") @deny_reason("closed")\nforbid (principal, action, resource);\n';

describe('a reload', () => {
  test('puts registry and policy into force together, once that is on record', async (t) => {
    const { core, edit, deploy, reload } = await withDemoBundle(t);
    await deploy();
    const before = core.bundles.current();
    edit('policies/guardrails.cedar', (text) => text + forbidAll);
    await deploy();
    const loaded = await reload();
    assert.equal(core.bundles.current(), loaded);
    assert.notEqual(loaded.sha256, before.sha256);
    assert.equal(loaded.policyCount, before.policyCount + 1);
    const event = (await core.events()).at(-1);
    assert.equal(event?.type, 'policy.loaded');
    assert.equal(event?.data['policy_sha256'], loaded.sha256);
    assert.equal(event?.data['policies'], loaded.policyCount);
    const refusal = await refusalOf(deploy(), 'GRANT_DENIED');
    assert.equal(refusal.metadata['policy_sha256'], loaded.sha256);
    assert.equal(refusal.metadata['rule_ids'], 'closed');
  });

  const faults: readonly [string, string, (text: string) => string, RegExp][] = [
    [
      'a typo in a policy',
      'policies/deployments.cedar',
      (text) => text.replace('permit (', 'permti ('),
      /deploy/,
    ],
    [
      'a name that is not declared',
      'policies/deployments.cedar',
      (text) => text.replace('"ci"', '"cii"'),
      /"cii".*ci/s,
    ],
    ['a duplicate id', 'registry.yaml', (text) => text.replace('id: demo-api', 'id: demo-db'), /demo-db/],
    [
      'what a provider refuses',
      'registry.yaml',
      (text) => text.replace('{ role: reader }', '{ x: y }'),
      /role/,
    ],
  ];
  for (const [what, file, change, told] of faults) {
    test(`with ${what} is refused whole and on record, and what runs goes on untouched`, async (t) => {
      const { core, edit, deploy, reload } = await withDemoBundle(t);
      const running = core.bundles.current();
      edit(file, change);
      const refusal = await refusalOf(reload(), 'POLICY_INVALID');
      assert.match(refusal.message, told);
      assert.equal(refusal.metadata['running_sha256'], running.sha256);
      assert.equal(core.bundles.current(), running);
      const [event, ...more] = await core.events();
      assert.deepEqual(more, []);
      assert.equal(event?.type, 'policy.refused');
      assert.equal(event?.data['running_sha256'], running.sha256);
      assert.equal(event?.data['fault'], refusal.message);
      assert.equal((await deploy()).grant.policySha256, running.sha256);
    });
  }

  test('that cannot be put on record does not come into force', async (t) => {
    const { core, edit, reload } = await withDemoBundle(t);
    const running = core.bundles.current();
    edit('policies/guardrails.cedar', (text) => text + forbidAll);
    const { ledger } = core.store;
    await core.store.close();
    await refusalOf(core.bundles.reload(ledger), 'SHUTTING_DOWN');
    assert.equal(core.bundles.current(), running);
    await core.crash();
    await reload();
  });

  test('asked for after a change sees the change, also while an earlier one is still reading', async (t) => {
    const { core, edit, deploy, reload, reads } = await withDemoBundle(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    reads.gate = promise;
    const earlier = reload();
    await until('the earlier has read', 10_000, () => reads.count === 2);
    edit('policies/guardrails.cedar', (text) => text + forbidAll);
    const later = [reload(), reload()];
    resolve();
    assert.notEqual((await earlier).sha256, (await later[0])?.sha256);
    assert.equal(core.bundles.current(), await later[0]);
    assert.equal(await later[1], await later[0], 'those that wait share one');
    assert.equal(reads.count, 3);
    await refusalOf(deploy(), 'GRANT_DENIED');
  });

  test('leaves what was granted as it is: a lease ends at its time, or when it is released', async (t) => {
    const { core, edit, deploy, reload } = await withDemoBundle(t);
    const { grant, lease } = await deploy();
    edit('policies/guardrails.cedar', (text) => text + forbidAll);
    await reload();
    assert.equal((await core.grantOf(lease)).grant.state, 'active');
    const ended = await core.release(grant, { spiffeId: pipeline });
    assert.equal(ended.grant.state, 'completed');
  });

  test('that suspends an identity refuses what it asks and renews, and still lets it give back', async (t) => {
    const { core, edit, reload } = await withDemoBundle(t);
    const reporter = parseSpiffeId('spiffe://stint.local/demo/report-job');
    const question = core.question({ resource: 'demo-db', action: 'read', ttlMs: 60_000 });
    const { grant, lease } = await core.request.execute(core.asker(reporter), question, bySession);
    edit('registry.yaml', (text) =>
      text.replace('roles: [reporting]', 'roles: [reporting]\n    state: suspended'),
    );
    await reload();
    await refusalOf(core.renewal.execute(core.asker(reporter), lease.id, 300_000), 'IDENTITY_SUSPENDED');
    const again = core.request.execute(core.asker(reporter), question, bySession);
    await refusalOf(again, 'IDENTITY_SUSPENDED');
    assert.equal((await core.release(grant, { spiffeId: reporter })).grant.state, 'completed');
    assert.ok(core.target instanceof MemoryTarget);
    assert.deepEqual(core.target.entities(), []);
  });

  test('that suspends an identity ends all that it has, and nothing of others', async (t) => {
    const { core, edit, deploy, reload } = await withDemoBundle(t);
    const reporter = parseSpiffeId('spiffe://stint.local/demo/report-job');
    const question = core.question({ resource: 'demo-db', action: 'read', ttlMs: 60_000 });
    const kept = await core.request.execute(core.asker(reporter), question, bySession);
    const tokens = await Promise.all(Array.from({ length: 120 }, deploy));
    edit('registry.yaml', (text) => text.replace('roles: [ci]', 'roles: [ci]\n    state: suspended'));
    await reload();
    const told: string[] = [];
    core.feed.subscribe((leases) => told.push(...leases.map(({ id }) => id)));
    assert.equal(await core.endSuspended.look(), tokens.length);
    assert.deepEqual(told.toSorted(), tokens.map(({ lease }) => lease.id).toSorted(), 'verifiers are told');
    for (const { lease } of tokens) {
      const { grant: now } = await core.grantOf(lease);
      assert.deepEqual([now.state, now.endReason], ['revoked', 'suspended']);
    }
    const ends = (await core.events()).filter(({ type }) => type === 'grant.ended');
    assert.deepEqual(new Set(ends.map(({ actor }) => actor.kind)), new Set(['broker']));
    assert.equal((await core.grantOf(kept.lease)).grant.state, 'active');
    assert.equal(await core.endSuspended.look(), 0, 'a second look finds nothing');
  });

  test('that suspends an identity while its user is being created leaves it no user', async (t) => {
    const { core, edit, reload } = await withDemoBundle(t);
    const reporter = parseSpiffeId('spiffe://stint.local/demo/report-job');
    const question = core.question({ resource: 'demo-db', action: 'read', ttlMs: 60_000 });
    const release = core.target.hold('create');
    const asked = core.request.execute(core.asker(reporter), question, bySession);
    const refused = assert.rejects(asked, { reason: 'PROVIDER_UNAVAILABLE' });
    await until(
      'the creation has begun',
      5_000,
      async () => (await core.store.grants.countLiveGrants()) === 1,
    );
    edit('registry.yaml', (text) =>
      text.replace('roles: [reporting]', 'roles: [reporting]\n    state: suspended'),
    );
    await reload();
    assert.equal(await core.endSuspended.look(), 1);
    release();
    await refused;
    await until('the user has gone', 5_000, async () => {
      await core.pass(60_000);
      return core.target.entities().length === 0;
    });
  });

  test('that a crash cut off before it ended what a suspended identity has is made good at the next start', async (t) => {
    const { core, edit, reload } = await withDemoBundle(t);
    const reporter = parseSpiffeId('spiffe://stint.local/demo/report-job');
    const question = core.question({ resource: 'demo-db', action: 'read', ttlMs: 60_000 });
    const { lease } = await core.request.execute(core.asker(reporter), question, bySession);
    edit('registry.yaml', (text) =>
      text.replace('roles: [reporting]', 'roles: [reporting]\n    state: suspended'),
    );
    await reload();
    await core.crash();
    assert.equal(await core.endSuspended.look(), 1);
    await until('the user has gone', 5_000, () => core.target.entities().length === 0);
    await until('its end', 5_000, async () => (await core.grantOf(lease)).grant.state === 'revoked');
  });
});
