import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ListRecordsResponse__Output } from '@stint/common/gen/stint/audit/v1/ListRecordsResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { eventFaults } from './event-faults.ts';
import type { MeshUnderTest } from './mesh-under-test.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** An event as it stands in the log. */
export type LoggedEvent = {
  readonly id: string;
  readonly type: string;
  readonly grant_id?: string;
  readonly lease_id?: string;
  readonly source: { readonly broker: string; readonly epoch: number; readonly seq: number };
  readonly data: Readonly<Record<string, unknown>>;
};

/** How long the mesh may take until nothing of the faults is left to repair, in milliseconds: a target may be asked again after half a minute. */
const repairMsMax = 75_000;

/**
 * Waits until no lease is open but those named, then asserts what must hold after any fault: every user at the target is a
 * live lease's and none is past its end; every lease that is open has its user; every event of the broker is in the log
 * exactly once; each grant's story there is whole; the offline verifier finds nothing. Returns the log's events.
 * `brokers`: all that share the store, as their operators reach them; the mesh's own unless given.
 */
export async function requireSound(
  at: MeshUnderTest,
  live: readonly string[] = [],
  brokers: readonly GrpcChannel[] = [at.admin],
): Promise<readonly LoggedEvent[]> {
  await until('no lease is left but the live ones', repairMsMax, async () => {
    const { leases } = await at.admin.call(services.admin.GetStatus, {});
    const expected = live.length === 0 ? {} : { active: live.length };
    assert.deepEqual({ ...leases }, expected, await openLeases(at));
    return true;
  });
  const roles = await at.roles();
  assert.deepEqual(roles.map(({ name }) => name).toSorted(), [...live].toSorted(), 'users at the target');
  assert.deepEqual(
    roles.filter(({ isPastEnd, canLogin }) => isPastEnd && canLogin),
    [],
    'users past their end',
  );
  const events = await everyEvent(at, brokers);
  await requireWholeStories(at, events);
  await requireVerified(at);
  return events;
}

/**
 * The log's events, once it holds all that the brokers have committed: each sequence number of each once, none missing,
 * and each event as the table of events says.
 */
export async function everyEvent(
  at: MeshUnderTest,
  brokers: readonly GrpcChannel[] = [at.admin],
): Promise<readonly LoggedEvent[]> {
  const asked = brokers.map((broker) => broker.call(services.admin.GetStatus, {}));
  const committed = (await Promise.all(asked)).map(({ spiffeId, auditSequence }) => {
    return { broker: spiffeId, sequence: auditSequence };
  });
  const events = await until(`the log holds ${JSON.stringify(committed)}`, repairMsMax, async () => {
    const found = await loggedEvents(at);
    const isThere = ({ broker, sequence }: (typeof committed)[number]) =>
      found.some(({ source }) => source.broker === broker && source.seq >= sequence);
    return committed.every(isThere) ? found : undefined;
  });
  for (const { broker } of committed) {
    const its = events.filter(({ source }) => source.broker === broker);
    const inOrder = Array.from(its, (_, i) => i + 1);
    assert.deepEqual(
      its.map(({ source }) => source.seq),
      inOrder,
      `every event of ${broker} once, in order`,
    );
  }
  const known = new Set(committed.map(({ broker }) => broker));
  assert.deepEqual(
    events.filter(({ source }) => !known.has(source.broker)),
    [],
    'events of others',
  );
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length, 'every event id once');
  assert.deepEqual(events.flatMap(eventFaults), [], 'every event says what the table of events says');
  return events;
}

/** What the log holds now. */
export async function loggedEvents(at: MeshUnderTest): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for (let fromIndex: number | undefined = 0; fromIndex !== undefined; ) {
    const page: ListRecordsResponse__Output = await at.auditor.call(services.audit.ListRecords, {
      fromIndex,
      pageSize: 1_000,
    });
    events.push(...page.records.map(({ leaf }) => JSON.parse(String(leaf)) as LoggedEvent));
    fromIndex = page.nextIndex;
  }
  return events;
}

/** Each grant of the store is in the log, ended there exactly if it has ended, and the log knows no other. */
async function requireWholeStories(at: MeshUnderTest, events: readonly LoggedEvent[]): Promise<void> {
  const begun = grantIds(events, 'grant.decided', 'grant.issued');
  const ended = grantIds(events, 'grant.ended');
  const stored = await storedGrants(at);
  assert.deepEqual(begun, stored.map(({ id }) => id).toSorted(), 'grants begun');
  const over = stored.filter(({ state }) => state !== 'active' && state !== 'ending');
  assert.deepEqual(ended, over.map(({ id }) => id).toSorted(), 'grants ended');
}

function grantIds(events: readonly LoggedEvent[], ...types: string[]): string[] {
  return events
    .filter(({ type }) => types.includes(type))
    .map(({ grant_id }) => grant_id ?? '')
    .toSorted();
}

/** Every grant that the broker's store holds. */
export async function storedGrants(at: MeshUnderTest): Promise<{ id: string; state: string }[]> {
  const grants: { id: string; state: string }[] = [];
  for (let pageToken = ''; ; ) {
    const page = await at.admin.call(services.admin.ListGrants, { pageSize: 500, pageToken });
    grants.push(...page.grants.map(({ id, state }) => ({ id, state })));
    pageToken = page.nextPageToken;
    if (pageToken === '') return grants;
  }
}

/** The auditor's own offline verifier, as its reader would run it, with the trust domain's roots. */
export async function requireVerified(at: MeshUnderTest): Promise<void> {
  const { log, trustBundle } = at.mesh.paths;
  // A log without records is told as empty: what the brokers sent first may still be on its way.
  const checkpoint = path.join(log, 'checkpoint');
  const hasRecords = () => existsSync(checkpoint) && readFileSync(checkpoint, 'utf8').split('\n')[1] !== '0';
  await until('a checkpoint of records', 10_000, () => hasRecords());
  const args = ['services/auditor/main.ts', 'verify', '--log-dir', log, '--trust-bundle', trustBundle];
  // A verdict other than "whole" is a non-zero exit code, and throws with what it found.
  const { stdout } = await run(process.execPath, [...args, '-o', 'json'], { cwd: repositoryRoot });
  const verdict = JSON.parse(stdout) as { whole: boolean; findings: unknown[] };
  assert.deepEqual(verdict.findings, []);
  assert.equal(verdict.whole, true);
}

/** What keeps leases open, for a message. */
async function openLeases(at: MeshUnderTest): Promise<string> {
  const { grants } = await at.admin.call(services.admin.ListGrants, { liveOnly: true, pageSize: 20 });
  const found = await Promise.all(
    grants.map(({ id }) => at.admin.call(services.admin.GetGrant, { grantId: id })),
  );
  return found
    .flatMap(({ leases }) => leases)
    .map(({ entityName, state, attempts, lastError }) => `${entityName} ${state} ${attempts} ${lastError}`)
    .join('\n');
}
