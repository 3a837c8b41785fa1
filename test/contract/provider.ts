import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Credential,
  type LeaseAtTarget,
  ProviderFailure,
  type TargetPlace,
  type TargetProvider,
} from '../../services/broker/app/ports/provider.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';

/** A workload's open session at a target. */
export type TargetSession = {
  /** Does what the profile allows; rejects when the target does not let it. */
  doAllowed(): Promise<unknown>;
  /** Tries what the profile does not allow; rejects when the target does not let it. */
  doForbidden(): Promise<unknown>;
  /** Takes on the profile's rights in whatever way outlives losing them, where the target has such a way. */
  entrench?(): Promise<unknown>;
  close(): Promise<void>;
};

/** What the suite needs of a target beside its provider. */
export type TargetUnderTest = {
  readonly provider: TargetProvider;
  readonly place: TargetPlace;
  /** The time by the clock that the provider was given. */
  now(): number;
  newIntent(): { readonly lease: Lease };
  /** Opens a session; rejects when the target refuses the credential. */
  login(credential: Credential): Promise<TargetSession>;
  /** The target's own word on whether something of that name is there: not the provider's. */
  exists(entityName: string): Promise<boolean>;
};

const { signal } = new AbortController();

/**
 * What every provider that creates must keep, whatever its target. Registers one test for each guarantee; call it inside
 * a `describe`. `target` is read when a test runs.
 */
export function targetProviderContract(target: () => TargetUnderTest): void {
  const create = async () => {
    const { provider, place, newIntent } = target();
    const { lease } = newIntent();
    const { credential, handle } = await provider.create(lease, place, signal);
    return { credential, lease: { ...lease, state: 'active', handle } satisfies Lease };
  };
  const endWholly = async (lease: LeaseAtTarget) => {
    const { provider } = target();
    await provider.contain(lease, signal);
    return provider.remove(lease, signal);
  };

  test('a created credential logs in, may do what its profile allows and nothing else', async () => {
    const { credential, lease } = await create();
    const session = await target().login(credential);
    await session.doAllowed();
    await assert.rejects(session.doForbidden());
    await session.close();
    await endWholly(lease);
  });

  test('the name at the target is the one chosen before creation', async () => {
    const { lease } = await create();
    assert.equal(target().provider.entityName(lease.id), lease.entityName);
    assert.equal(await target().exists(lease.entityName), true);
    await endWholly(lease);
    assert.equal(await target().exists(lease.entityName), false);
  });

  test('creating the same name again fails definitely and leaves the first as it was', async () => {
    const { provider, place, login } = target();
    const { credential, lease } = await create();
    await assert.rejects(provider.create(lease, place, signal), isFailure('definite'));
    await (await login(credential)).close();
    await endWholly(lease);
  });

  test('a profile the target does not know fails definitely and leaves nothing', async () => {
    const { provider, place, newIntent, exists } = target();
    const { lease } = newIntent();
    await assert.rejects(provider.create(lease, unknownTo(place), signal), isFailure('definite'));
    assert.equal(await exists(lease.entityName), false);
  });

  test("the target itself ends logins at the credential's end, and extending moves that end", async () => {
    const { provider, login, now } = target();
    const { credential, lease } = await create();
    await provider.extend(lease, now() - 1_000, signal);
    await assert.rejects(login(credential), 'an ended credential logged in');
    await provider.extend(lease, now() + 60_000, signal);
    await (await login(credential)).close();
    await endWholly(lease);
  });

  test('a reminted credential works and the one before it no longer does', async () => {
    const { provider, place, login } = target();
    const { credential, lease } = await create();
    const second = await provider.remint(lease, place.resource, signal);
    await assert.rejects(login(credential));
    await (await login(second)).close();
    await endWholly(lease);
  });

  test('containing ends open sessions and refuses new ones, before anything is removed', async () => {
    const { provider, login, exists } = target();
    const { credential, lease } = await create();
    const session = await login(credential);
    await session.doAllowed();
    const proof = await provider.contain(lease, signal);
    assert.equal(proof['sessions_left'], 0);
    assert.equal(proof['sessions_cut'], 1);
    assert.equal(proof['can_login'], false);
    await assert.rejects(session.doAllowed());
    await assert.rejects(login(credential));
    assert.equal(await exists(lease.entityName), true);
    await endWholly(lease);
  });

  test('containing ends a session that had entrenched itself', async (t) => {
    const { provider, login } = target();
    const { credential, lease } = await create();
    const session = await login(credential);
    if (session.entrench === undefined) {
      t.skip('the target has no way to entrench');
      await endWholly(lease);
      return;
    }
    await session.entrench();
    await session.doAllowed();
    await provider.contain(lease, signal);
    await assert.rejects(session.doAllowed());
    await endWholly(lease);
  });

  test('extending or reminting after containment gives nothing back', async () => {
    const { provider, place, login, now } = target();
    const { credential, lease } = await create();
    await provider.contain(lease, signal);
    await provider.extend(lease, now() + 60_000, signal).catch(onlyFailures);
    await assert.rejects(login(credential));
    const second = await provider.remint(lease, place.resource, signal).catch(onlyFailures);
    if (second !== undefined) await assert.rejects(login(second));
    await endWholly(lease);
  });

  test('containing and removing may be repeated, and each alone suffices to end access', async () => {
    const { provider, login, exists } = target();
    const { credential, lease } = await create();
    const session = await login(credential);
    for (let i = 0; i < 2; i += 1) await provider.contain(lease, signal);
    for (let i = 0; i < 2; i += 1) await provider.remove(lease, signal);
    await provider.contain(lease, signal);
    await assert.rejects(session.doAllowed());
    assert.equal(await exists(lease.entityName), false);

    const other = await create();
    const cut = await login(other.credential);
    await provider.remove(other.lease, signal);
    await assert.rejects(cut.doAllowed());
    assert.equal(await exists(other.lease.entityName), false);
    await assert.rejects(login(credential));
  });

  test('what is absent counts as contained and removed', async () => {
    const { provider } = target();
    const { lease } = await create();
    await endWholly(lease);
    assert.equal((await provider.contain(lease, signal))['sessions_left'], 0);
    assert.equal((await provider.remove(lease, signal))['sessions_left'], 0);
  });

  test('changing what is absent fails definitely', async () => {
    const { provider, place, now } = target();
    const { lease } = await create();
    await endWholly(lease);
    await assert.rejects(provider.extend(lease, now() + 1_000, signal), isFailure('definite'));
    await assert.rejects(provider.remint(lease, place.resource, signal), isFailure('definite'));
  });

  test('the list names every live entity of ours with its resource, and no other', async () => {
    const { provider, place } = target();
    const before = await provider.listEntities(signal);
    const made = [await create(), await create()];
    const listed = await provider.listEntities(signal);
    const fresh = listed.filter(({ entityName }) => !before.some((old) => old.entityName === entityName));
    const wanted = made.map(({ lease }) => ({
      entityName: lease.entityName,
      leaseId: lease.id,
      resource: place.resource.id,
    }));
    const byName = (a: { entityName: string }, b: { entityName: string }) =>
      a.entityName.localeCompare(b.entityName);
    assert.deepEqual(fresh.toSorted(byName), wanted.toSorted(byName));
    for (const { lease } of made) await endWholly(lease);
    assert.deepEqual(await provider.listEntities(signal), before);
  });

  test('what is listed can be ended by its name and lease id alone, as what no lease knows of is', async () => {
    const { provider, exists } = target();
    const { lease } = await create();
    const listed = (await provider.listEntities(signal)).find(({ leaseId }) => leaseId === lease.id);
    assert.ok(listed !== undefined);
    const { entityName, leaseId: id } = listed;
    await endWholly({ id, entityName, createdAt: 0, handle: {} });
    assert.equal(await exists(entityName), false);
  });

  test('checking finds nothing wrong with a place that works, and names what its target does not know', async (t) => {
    const { provider, place } = target();
    if (provider.checkTarget === undefined) {
      t.skip('the provider does not check its target');
      return;
    }
    assert.deepEqual((await provider.checkTarget([place], signal)).faults, []);
    const { faults } = await provider.checkTarget([unknownTo(place)], signal);
    assert.match(faults.join('\n'), /"no_such_thing" does not exist/);
    assert.deepEqual((await provider.checkTarget([place], signal)).faults, []);
  });

  test('eight at once are all created and all ended', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, create));
    await Promise.all(made.map(({ lease }) => endWholly(lease)));
    for (const { lease } of made) assert.equal(await target().exists(lease.entityName), false);
  });

  test('a call whose signal has ended does nothing', async () => {
    const { provider, place, newIntent, exists } = target();
    const { lease } = newIntent();
    const ended = AbortSignal.abort();
    await assert.rejects(provider.create(lease, place, ended), ProviderFailure);
    assert.equal(await exists(lease.entityName), false);
  });
}

/** The place with a profile whose every word is unknown to the target. */
function unknownTo({ resource, profile }: TargetPlace): TargetPlace {
  const settings = Object.fromEntries(Object.keys(profile.settings).map((key) => [key, 'no_such_thing']));
  return { resource, profile: { ...profile, settings } };
}

function isFailure(kind: ProviderFailure['kind']): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof ProviderFailure, String(thrown));
    assert.equal(thrown.kind, kind, `${thrown.kind} (${thrown.code})`);
    return true;
  };
}

function onlyFailures(thrown: unknown): undefined {
  assert.ok(thrown instanceof ProviderFailure);
  return undefined;
}
