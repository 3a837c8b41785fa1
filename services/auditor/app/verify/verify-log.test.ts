import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { openAuditLog } from '../../../../test/harness/audit-log.ts';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { suiteScope } from '../../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../../test/harness/temp-dir.ts';
import { TestBroker, type TestTrust, testTrust } from '../../../../test/harness/test-broker.ts';
import type { FindingClass } from '../../domain/findings.ts';
import { verifyDirectory } from '../../verify-command.ts';

const scope = suiteScope();
const clock = { now: () => Date.UTC(2026, 10, 22) };
let trust: TestTrust;

before(async () => {
  trust = await testTrust(scope, clock);
});

const grant = { grant_id: newId('grant', 0), lease_id: newId('lease', 0) };
const grantEvent = (type: string) => ({ type: type as 'grant.decided', ...grant, data: {} });
const openLog = (directory: string) => openAuditLog(directory, { trust, clock });

function classesOf(directory: string): FindingClass[] {
  return [...verifyDirectory({ logDir: directory }).findings.counts.keys()];
}

const impossible: readonly { what: string; types: readonly string[] }[] = [
  { what: 'activated without a decision', types: ['lease.activated'] },
  {
    what: 'revoked without having begun to end',
    types: ['grant.decided', 'lease.activated', 'lease.contained'],
  },
  {
    what: 'created and never contained',
    types: ['grant.decided', 'lease.activated', 'lease.revoking', 'lease.revoked'],
  },
  { what: 'renewed while it ended', types: ['grant.issued', 'lease.revoking', 'lease.renewed'] },
  { what: 'ended while its lease lived', types: ['grant.decided', 'lease.activated', 'grant.ended'] },
  {
    what: 'anything after the end',
    types: ['grant.issued', 'lease.revoked', 'grant.ended', 'lease.revoking'],
  },
  { what: 'decided twice', types: ['grant.decided', 'grant.decided'] },
];

for (const { what, types } of impossible) {
  test(`a grant’s life that cannot be is named: ${what}`, async () => {
    const directory = path.join(tempDir(scope), 'log');
    const log = await openLog(directory);
    const b1 = await TestBroker.make(trust, 'b1', clock);
    log.deliver('b1', b1.startEpoch(), ...types.map((type) => b1.batch([grantEvent(type)])));
    log.publisher.current();
    log.close();
    assert.deepEqual(classesOf(directory), ['grant']);
  });
}

/** What is found in a log of one broker that wrote a grant's whole life, with these ids at the step of that type. */
async function findingsWithIds(type: string, ids: object) {
  const directory = path.join(tempDir(scope), 'log');
  const log = await openLog(directory);
  const b1 = await TestBroker.make(trust, 'b1', clock);
  const life = ['grant.decided', 'lease.activated', 'lease.revoking', 'lease.contained', 'lease.revoked'];
  log.deliver('b1', b1.startEpoch());
  for (const step of [...life, 'grant.ended', 'lease.renewed_by_a_newer_broker'])
    log.deliver('b1', b1.batch([{ ...grantEvent(step), ...(step === type ? ids : {}) }]));
  log.publisher.current();
  log.close();
  return verifyDirectory({ logDir: directory }).findings.kept;
}

test('a lease cannot be hidden by steps that do not say whose they are: each is named with its place and what to do', async () => {
  const [noGrant, noLease] = [{ grant_id: undefined }, { lease_id: undefined }];
  const steps = [
    [1, 'grant.decided'],
    [2, 'lease.activated'],
    [5, 'lease.revoked'],
    [6, 'grant.ended'],
  ] as const;
  const cases: [object, RegExp][] = [
    [noGrant, /without a well-formed grant_id, /],
    [{ grant_id: 'grt_1' }, /without a well-formed grant_id, /],
    [{ grant_id: { at: 'target' } }, /without a well-formed grant_id, /],
    [noLease, /without a well-formed lease_id, /],
    [{ lease_id: grant.lease_id.toUpperCase() }, /without a well-formed lease_id, /],
    [{ ...noGrant, ...noLease }, /without a well-formed grant_id and lease_id, .* stop the broker/],
  ];
  for (const [ids, words] of cases) {
    for (const [index, type] of steps) {
      const found = await findingsWithIds(type, ids);
      const named = found.find(({ message }) => words.test(message));
      assert.deepEqual([named?.class, named?.index, named?.seq], ['grant', index, index + 1], type);
      assert.match(named?.broker ?? '', /broker\/b1$/);
    }
  }
});

test('what a newer broker writes of a grant in types that are not known here need not be named', async () => {
  const ids = { grant_id: undefined, lease_id: 'of another form' };
  assert.deepEqual(await findingsWithIds('lease.renewed_by_a_newer_broker', ids), []);
});

test('events are taken and the log is whole however the clocks of broker and auditor are set meanwhile', async () => {
  const clocks = { broker: heldClock(clock.now()), auditor: heldClock(clock.now()) };
  const directory = path.join(tempDir(scope), 'log');
  const log = await openAuditLog(directory, { trust, clock: clocks.auditor });
  const b1 = await TestBroker.make(trust, 'b1', clocks.broker);
  log.deliver('b1', b1.startEpoch());
  const types = ['grant.decided', 'lease.activated', 'lease.renewed', ...endElsewhere];
  const steps = [-dayMs, 2 * dayMs, -longMs, 0];
  for (const [i, type] of types.entries()) {
    clocks.broker.advance(steps[i % 4] ?? 0);
    clocks.auditor.advance(steps[(i + 1) % 4] ?? 0);
    log.deliver('b1', b1.batch([grantEvent(type)]));
    log.publisher.current();
  }
  assert.equal(log.store.size(), 1 + types.length);
  assert.equal(log.quarantine.unsettledCount(), 0);
  log.close();
  assert.deepEqual(classesOf(directory), []);
});

/** The end of a grant by another broker than the one that decided it. */
const endElsewhere = ['lease.revoking', 'lease.contained', 'lease.revoked', 'grant.ended'];

/** Longer than a broker may take from naming a grant to committing it, in milliseconds. */
const longMs = 301_000;
const dayMs = 86_400_000;

/** What a broker writes of one grant, or, empty, of something else; or time that passes, a little or a day. */
type SharedStep = readonly ['b1' | 'b2' | 'b3', readonly string[]] | '-' | 'a day';

/** What is found in a log of three brokers that wrote this in this order. */
function classesOfShared(...written: readonly SharedStep[]) {
  return classesOfSharedNamed(0, ...written);
}

/** The same of a grant whose id says that it was made so many milliseconds later than it was. */
async function classesOfSharedNamed(aheadMs: number, ...written: readonly SharedStep[]) {
  const time = heldClock(clock.now());
  const directory = path.join(tempDir(scope), 'log');
  const log = await openAuditLog(directory, { trust, clock: time });
  const namedAt = time.now() + aheadMs;
  const ids = { grant_id: newId('grant', namedAt), lease_id: newId('lease', namedAt) };
  const [b1, b2, b3] = [
    await TestBroker.make(trust, 'b1', time),
    await TestBroker.make(trust, 'b2', time),
    await TestBroker.make(trust, 'b3', time),
  ];
  for (const broker of [b1, b2, b3]) log.deliver(broker.name, broker.startEpoch());
  const drafts = (types: readonly string[]) =>
    types.length === 0 ? [{}] : types.map((type) => ({ ...grantEvent(type), ...ids }));
  for (const step of written) {
    if (step === '-') time.advance(longMs);
    else if (step === 'a day') time.advance(dayMs);
    else for (const draft of drafts(step[1])) log.deliver(step[0], { b1, b2, b3 }[step[0]].batch([draft]));
  }
  log.publisher.current();
  log.close();
  return classesOf(directory);
}

const made = ['b1', ['grant.decided', 'lease.activated']] as const;
const ended = ['b2', endElsewhere] as const;
/** A broker writes something, and nothing of the grant. */
const later = (name: 'b1' | 'b2' | 'b3') => [name, []] as const;

test('a grant that one broker made and another ended is whole, whichever came to the log first, or is still to come', async () => {
  assert.deepEqual(await classesOfShared(made, ended), []);
  assert.deepEqual(await classesOfShared(ended, made), []);
  assert.deepEqual(await classesOfShared(ended), []);
  assert.deepEqual(await classesOfShared(made, ended, '-', later('b1'), later('b3')), []);
});

test('a grant that is renewed or ended and that nobody made is named once all others have sent what they did then', async () => {
  const passed = ['-', later('b1'), later('b3')] as const;
  assert.deepEqual(await classesOfShared(ended, ...passed), ['grant']);
  assert.deepEqual(await classesOfShared(['b2', ['lease.renewed']], ...passed), ['grant']);
  // Two who wrote of it made it neither, whatever they wrote.
  const alsoOfIt = ['b3', ['lease.renewed']] as const;
  assert.deepEqual(await classesOfShared(ended, alsoOfIt, '-', later('b1')), ['grant']);
  // b1 may still have it to send.
  assert.deepEqual(await classesOfShared(ended, '-', later('b2'), later('b3')), []);
  assert.deepEqual(await classesOfShared(ended, later('b1'), later('b3')), []);
  assert.deepEqual(await classesOfShared(ended, alsoOfIt, '-', later('b3')), []);
});

test('an id from the future puts off only for a day that nobody made the grant', async () => {
  const [anHour, tenYears] = [3_600_000, 3_650 * dayMs];
  const later1 = [later('b1'), later('b3')] as const;
  assert.deepEqual(await classesOfSharedNamed(anHour, ended, '-', ...later1), []);
  assert.deepEqual(await classesOfSharedNamed(tenYears, ended, '-', ...later1), []);
  assert.deepEqual(await classesOfSharedNamed(tenYears, ended, 'a day', '-', ...later1), ['grant']);
});

test('what no other broker may have begun is named also where several write', async () => {
  const alone = async (...types: string[]) => await classesOfShared(['b2', types]);
  assert.deepEqual(await alone('lease.activated', ...endElsewhere), ['grant']);
  assert.deepEqual(await alone('lease.contained', 'lease.revoked', 'grant.ended'), ['grant']);
  assert.deepEqual(await alone('grant.ended'), ['grant']);
  assert.deepEqual(await alone(...endElsewhere, 'lease.revoking'), ['grant']);
});
