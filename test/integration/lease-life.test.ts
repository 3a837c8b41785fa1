import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import fc from 'fast-check';
import type { AccessAnswer } from '../../services/broker/app/access/request-access.ts';
import { type Step, steps } from '../../services/broker/app/ending/steps.ts';
import {
  intentMs,
  isLegalLeaseMove,
  type Lease,
  type LeaseState,
  retryMsMax,
} from '../../services/broker/domain/lease.ts';
import type { TargetCall, TargetFault } from '../fakes/memory-target.ts';
import {
  BrokerCore,
  byCall,
  bySession,
  type CommittedEvent,
  deployer,
  reader,
} from '../harness/broker-core.ts';

/** Sequences tried, and things done in each at most. */
const sequences = 60;
const thingsMax = 30;

/** What can be done at once with others, or happen. `which` picks a grant or key among those there are. */
type Thing =
  | {
      readonly do: 'ask' | 'token' | 'again' | 'release' | 'revoke' | 'renew' | 'acknowledge';
      readonly which: number;
    }
  /** After so many turns of the event loop, so that time passes in the midst of other things. */
  | { readonly do: 'pass'; readonly ms: number; readonly afterTicks: number }
  | {
      readonly do: 'fail';
      readonly call: TargetCall;
      readonly fault: TargetFault;
      readonly isLasting: boolean;
    }
  | { readonly do: 'mend' }
  | { readonly do: 'crash'; readonly at: Step | 'rest' };

const kinds: readonly TargetFault['kind'][] = ['definite', 'ambiguous', 'unreachable', 'blocked'];
const acts = ['ask', 'ask', 'token', 'again', 'release', 'revoke', 'renew', 'acknowledge'] as const;

const faults: fc.Arbitrary<TargetFault> = fc.oneof(
  fc.constantFrom(...kinds).map((kind) => ({ when: 'before', kind, code: 'test' }) as const),
  fc.constant({ when: 'after', kind: 'ambiguous', code: 'lost' } as const),
);

const thing: fc.Arbitrary<Thing> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom(...acts), which: fc.nat(20) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat(6_000), fc.nat(120_000), fc.nat(900_000)),
      afterTicks: fc.nat(6),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      call: fc.constantFrom('create', 'remint', 'extend', 'contain', 'remove'),
      fault: faults,
      isLasting: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'mend' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      at: fc.constantFrom('rest' as const, ...steps),
    }),
  },
);

/** Things of one turn are under way together. */
const turns = fc.array(fc.array(thing, { minLength: 1, maxLength: 4 }), { maxLength: thingsMax / 2 });

/** What the broker draws by lot, of the seed too. */
const draws = fc.noShrink(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })));

/** What the callers know: what they asked, and what they got. */
class Callers {
  readonly #core: BrokerCore;
  readonly #asked: ReturnType<BrokerCore['question']>[] = [];
  readonly #got: AccessAnswer[] = [];
  /** What went wrong in a way that no caller should see. */
  readonly surprises: unknown[] = [];
  /** The latest end that a holder was told, by grant. */
  readonly toldEnds = new Map<string, number>();
  #hasCrashed = false;

  constructor(core: BrokerCore) {
    this.#core = core;
  }

  /** Does the things of one turn together, and restarts the broker if one of them made it crash. */
  async turn(things: readonly Thing[]): Promise<void> {
    await Promise.all(things.map((one) => this.#try(() => this.#do(one))));
    if (!this.#hasCrashed) return;
    this.#hasCrashed = false;
    this.#core.onStep = () => undefined;
    await this.#core.crash();
  }

  async #try(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (thrown) {
      if (!this.#hasCrashed && !isServiceError(thrown)) this.surprises.push(thrown);
      else if (isServiceError(thrown, 'INTERNAL')) this.surprises.push(thrown);
    }
  }

  async #do(one: Thing): Promise<unknown> {
    const core = this.#core;
    switch (one.do) {
      case 'pass':
        for (let i = 0; i < one.afterTicks; i++) await new Promise((resolve) => setImmediate(resolve));
        return await core.pass(one.ms);
      case 'fail':
        if (one.isLasting) core.target.failAlways(one.call, one.fault);
        else core.target.failNext(one.call, one.fault);
        return;
      case 'mend':
        return core.target.mend();
      case 'crash':
        return this.#crashAt(one.at);
      default:
        return await this.#call(one.do, one.which);
    }
  }

  #crashAt(at: Step | 'rest'): void {
    this.#hasCrashed ||= at === 'rest';
    this.#core.onStep = (passed) => {
      // From the crash on nothing of this process passes any step.
      if (passed !== at && !this.#hasCrashed) return;
      this.#hasCrashed = true;
      throw new Error('crash');
    };
  }

  async #call(what: (typeof acts)[number], which: number): Promise<unknown> {
    const core = this.#core;
    if (what === 'ask' || what === 'token' || what === 'again') return await this.#ask(what, which);
    const known = this.#got[which % Math.max(1, this.#got.length)];
    if (known === undefined) return undefined;
    const { grant, lease } = known;
    if (what === 'release') return await core.release(grant, { spiffeId: grant.spiffeId });
    if (what === 'renew') {
      const renewed = await core.renewal.execute(core.asker(grant.spiffeId), lease.id, which * 60_000);
      this.#tell(renewed);
      return;
    }
    if (what === 'acknowledge') return await core.delivery.execute(grant.spiffeId, lease.id);
    const options = { reason: 'revoked', waitContained: which % 2 === 0 } as const;
    return await core.endGrant.execute({ kind: 'operator', note: 'test' }, grant.id, options);
  }

  #tell({ grantId, expiresAt }: Lease): void {
    this.toldEnds.set(grantId, Math.max(expiresAt, this.toldEnds.get(grantId) ?? 0));
  }

  async #ask(what: 'ask' | 'token' | 'again', which: number): Promise<void> {
    const core = this.#core;
    const fresh = core.question({
      ...(what === 'token' ? { resource: 'web', action: 'deploy' } : {}),
      ttlMs: 1_000 + which * 20_000,
    });
    const question =
      what === 'again' ? (this.#asked[which % Math.max(1, this.#asked.length)] ?? fresh) : fresh;
    this.#asked.push(question);
    const asker = core.asker(question.resource === 'web' ? deployer : reader);
    const answer = await core.request.execute(asker, question, which % 3 === 0 ? byCall : bySession);
    this.#got.push(answer);
    this.#tell(answer.lease);
    const { grant } = await core.grantOf(answer.lease);
    if (grant.endReason === 'outcome_unknown' || grant.endReason === 'creation_failed')
      this.surprises.push(new Error(`${grant.id} was handed out although it failed`));
    if (which % 2 === 0) await core.delivery.execute(answer.lease.spiffeId, answer.lease.id);
  }
}

/** Where each kind of event leaves its lease. */
const stateAfter: Readonly<Record<string, LeaseState>> = {
  'grant.decided': 'intent',
  'grant.issued': 'active',
  'lease.activated': 'active',
  'lease.aborted': 'aborted',
  'lease.unknown': 'unknown',
  'lease.revoking': 'revoking',
  'lease.contained': 'contained',
  'lease.revoked': 'revoked',
  'lease.stuck': 'stuck',
};

function requireLegalStory(story: readonly CommittedEvent[]): void {
  const types = story.map(({ type }) => type);
  let state: LeaseState | undefined;
  for (const type of types) {
    const next = stateAfter[type];
    if (type === 'lease.renewed') assert.equal(state, 'active', String(types));
    if (next === undefined) continue;
    if (state === undefined) assert.match(type, /^grant\./, String(types));
    else assert.ok(isLegalLeaseMove(state, next), `${state} → ${next}: ${types}`);
    state = next;
  }
  assert.ok(state === 'revoked' || state === 'aborted', String(types));
  assert.equal(types.filter((type) => type === 'grant.ended').length, 1, String(types));
  assert.equal(types.at(-1), 'grant.ended');
}

/** No usable entity without a live lease; none past its end; every live lease has its entity. */
async function requireTargetMatches(core: BrokerCore): Promise<void> {
  const open = await core.store.grants.openEntities('database', core.target.usable());
  for (const name of core.target.usable()) assert.ok(open.has(name), `${name} is usable without a lease`);
  for (const grant of await core.store.grants.listGrants({ liveOnly: false, limit: 1_000 })) {
    const leases = (await core.store.grants.findGrant(grant.id))?.leases ?? [];
    for (const { state, provider, entityName, expiresAt } of leases) {
      const stands = core.target.entities().includes(entityName);
      if (state === 'active') assert.ok(expiresAt > core.clock.now(), `${entityName} is past its end`);
      if (provider === 'database' && state === 'active') assert.ok(stands, `${entityName} is not there`);
      if (state === 'revoked' || state === 'aborted') assert.ok(!stands, `${entityName} was left`);
    }
  }
}

/** Passes until nothing is due: faults are gone, and every intent and retry has had its time. */
async function settle(core: BrokerCore): Promise<void> {
  core.target.mend();
  for (let rounds = 0; rounds < 4; rounds++)
    while ((await core.pass(rounds === 0 ? 0 : intentMs)) > 0) await requireTargetMatches(core);
}

test('whatever is asked, fails and crashes: no access without a live lease, none past its end, and every story whole', async (t) => {
  const property = fc.asyncProperty(turns, draws, async (sequence, drawn) => {
    const undo: (() => void | Promise<void>)[] = [];
    const core = await BrokerCore.start(
      { after: (step) => undo.unshift(step) },
      { random: () => drawn.next().value },
    );
    try {
      const callers = new Callers(core);
      for (const things of sequence) await callers.turn(things);
      await callers.turn([{ do: 'crash', at: 'rest' }]);
      await settle(core);
      await requireTargetMatches(core);
      // Long after: every retry has come, every lease has reached its end.
      for (let rounds = 0; rounds < 8; rounds++) await core.pass(retryMsMax + 3_600_000 / 4);
      assert.deepEqual(core.target.entities(), []);
      assert.deepEqual(await core.store.grants.countLeasesByState(), {});
      const byGrant = Map.groupBy(await core.events(), ({ grant_id }) => grant_id ?? '');
      byGrant.delete('');
      for (const story of byGrant.values()) requireLegalStory(story);
      const grants = await core.store.grants.listGrants({ liveOnly: false, limit: 1_000 });
      assert.deepEqual(grants.map(({ id }) => String(id)).toSorted(), [...byGrant.keys()].toSorted());
      for (const { id, state, endedAt } of grants)
        if (state === 'expired')
          assert.ok((endedAt ?? 0) >= (callers.toldEnds.get(id) ?? 0), `${id} expired before it was said to`);
      assert.deepEqual(callers.surprises, []);
    } finally {
      for (const step of undo) await step();
    }
  });
  const seed = Number(process.env['STINT_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed} (STINT_TEST_SEED)`);
  await fc.assert(property, { numRuns: sequences, seed });
});
