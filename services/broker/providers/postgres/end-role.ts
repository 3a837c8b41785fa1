import { setTimeout as delay } from 'node:timers/promises';
import type { UnixMs } from '@stint/common/time.ts';
import { type EndProof, ProviderFailure } from '../../app/ports/provider.ts';
import { isDenied, missingRights } from './missing-rights.ts';
import type { Session } from './session.ts';
import {
  buryObjects,
  cutAccess,
  cutSessions,
  dropRole,
  joinRole,
  leaveGroup,
  listBlockers,
  lookUpRole,
  type Statement,
} from './statements.ts';

/** How long sessions may take to end after they were told to, in milliseconds. */
export const sessionsEndMsMax = 5_000;

/** Longest wait between two looks at the sessions that are ending, in milliseconds. */
const lookAgainMsMax = 50;

/** What is known of the role of a lease before the target is asked. */
export type LeaseRole = {
  readonly name: string;
  /** As recorded at creation; absent when its outcome was never known. */
  readonly recordedOid: string | undefined;
  /** Until when a lost creation may still arrive, by our clock. */
  readonly mayComeUntil: UnixMs;
};

/** A role as the target knows it. `databases` are those in which objects or rights hang on it; '' stands for shared ones. */
type RoleFacts = {
  readonly oid: string;
  readonly canLogIn: boolean;
  readonly groups: readonly string[];
  readonly databases: readonly string[];
};

/** One piece of work on a session, until its deadline. `runIn` sends a statement in another database. */
export type EndWork = {
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly database: string;
  runIn(database: string, statement: Statement): Promise<void>;
};

/**
 * Takes login, password and group away, then ends the role's sessions, until the target says that none is left.
 * @throws ProviderFailure; `unreachable` CREATION_IN_FLIGHT while a lost creation may still arrive, SESSIONS_LEFT after
 * {@link sessionsEndMsMax}; `blocked` 42501 with the rights that are missing, after all was cut that may be.
 */
export async function containRole(work: EndWork, lease: LeaseRole): Promise<EndProof> {
  return (await contain({ ...work, mayKeepGroups: true }, lease)).proof;
}

/**
 * Contains, hands over what the role owns, drops it, and looks for sessions once more.
 * @throws ProviderFailure as {@link containRole}, and `blocked` 2BP01 with the kinds of what still hangs on the role.
 */
export async function removeRole(work: EndWork, lease: LeaseRole): Promise<EndProof> {
  // Once joined, the role's rights are ours: the profile's must be gone by then.
  const { role, proof } = await contain({ ...work, mayKeepGroups: false }, lease);
  if (role === undefined) return { ...proof, databases_cleaned: 0 };
  if (role.databases.length > 0) await bury(work, lease.name, role.databases);
  await dropOrReport(work, lease.name, role.oid);
  const late = await endSessions(work, knownOids(lease, role));
  const databasesCleaned = role.databases.filter((database) => database !== '').length;
  return {
    ...proof,
    sessions_cut: Number(proof['sessions_cut']) + late,
    role_absent: true,
    databases_cleaned: databasesCleaned,
  };
}

async function contain(
  work: EndWork & { readonly mayKeepGroups: boolean },
  lease: LeaseRole,
): Promise<{ readonly role: RoleFacts | undefined; readonly proof: EndProof }> {
  const { now, role } = await findRole(work, lease.name);
  const isPastArrival = now > lease.mayComeUntil + work.session.clockOffsetMs;
  if (role === undefined && lease.recordedOid === undefined && !isPastArrival) {
    throw new ProviderFailure('unreachable', 'CREATION_IN_FLIGHT', { target: 'answers' });
  }
  const sessionsCut = await cut(work, lease, role);
  const isAbsent = role === undefined;
  return {
    role,
    proof: { can_login: false, sessions_cut: sessionsCut, sessions_left: 0, role_absent: isAbsent },
  };
}

/** Access first, then sessions; returns how many of them. */
async function cut(
  work: EndWork & { readonly mayKeepGroups: boolean },
  lease: LeaseRole,
  role: RoleFacts | undefined,
): Promise<number> {
  const oids = knownOids(lease, role);
  if (role === undefined) return await endSessions(work, oids);
  try {
    await endAccess(work, lease.name, role);
    return await endSessions(work, oids);
  } catch (error) {
    if (!isDenied(error)) throw error;
    await cutWhatMayBe(work, lease.name, { ...role, oids });
    throw await missingRights(work.session, lease.name, work.signal);
  }
}

/**
 * What a right is missing for stays until it is given; everything else is taken away all the same, each by itself. So a
 * lease that keeps its login for want of a right is without sessions once its time is up.
 */
async function cutWhatMayBe(
  { session, signal }: EndWork,
  name: string,
  { groups, oids }: { readonly groups: readonly string[]; readonly oids: readonly string[] },
): Promise<void> {
  const steps = [cutAccess(name, []), ...groups.map((group) => leaveGroup(name, group)), cutSessions(oids)];
  for (const step of steps) {
    try {
      await session.run(step, 'end', signal);
    } catch (error) {
      const isAnswer = error instanceof ProviderFailure && error.kind !== 'ambiguous';
      if (!isAnswer) throw error; // refused, locked or gone: the other steps do not depend on it
    }
  }
}

async function findRole(
  { session, signal }: EndWork,
  name: string,
): Promise<{ readonly now: UnixMs; readonly role: RoleFacts | undefined }> {
  const [row] = await session.run(lookUpRole(name), 'end', signal);
  const { now, oid, can_login, groups, databases } = row as {
    now: number;
    oid: string | null;
    can_login: boolean;
    groups: string[];
    databases: string[];
  };
  return { now, role: oid === null ? undefined : { oid, canLogIn: can_login, groups, databases } };
}

/**
 * Takes access away. Done before: sends nothing. Dropped meanwhile by somebody else: nothing is left to take. Where
 * another session holds the group's lock, login and password may go alone: with the sessions ended, nobody is left to
 * use the group.
 */
async function endAccess(
  work: EndWork & { readonly mayKeepGroups: boolean },
  name: string,
  role: RoleFacts,
): Promise<void> {
  const { session, signal, mayKeepGroups } = work;
  if (!role.canLogIn && (role.groups.length === 0 || mayKeepGroups)) return;
  try {
    await ignoreAbsent(session.run(cutAccess(name, role.groups), 'end', signal));
  } catch (error) {
    if (!(mayKeepGroups && error instanceof ProviderFailure && error.code === '55P03')) throw error;
    await ignoreAbsent(session.run(cutAccess(name, []), 'end', signal));
  }
}

// A session that was logging in when access was cut shows a moment later: the next look finds it, or removal does.
async function endSessions({ session, signal }: EndWork, oids: readonly string[]): Promise<number> {
  if (oids.length === 0) return 0;
  const cut = new Set<unknown>();
  const end = performance.now() + sessionsEndMsMax;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, lookAgainMsMax)) {
    const rows = await session.run(cutSessions(oids), 'end', signal);
    for (const row of rows) cut.add(row['pid']);
    if (rows.length === 0) return cut.size;
    if (performance.now() > end)
      throw new ProviderFailure('unreachable', 'SESSIONS_LEFT', { target: 'answers' });
    await delay(waitMs);
  }
}

async function bury(work: EndWork, name: string, databases: readonly string[]): Promise<void> {
  await work.session.run(joinRole(name, work.session.version), 'end', work.signal);
  const others = databases.filter((database) => database !== '' && database !== work.database);
  for (const database of others) await work.runIn(database, buryObjects(name));
  // Rights on shared objects, such as databases themselves, are dropped from wherever this runs.
  if (others.length < databases.length) await work.session.run(buryObjects(name), 'end', work.signal);
}

async function dropOrReport({ session, signal }: EndWork, name: string, oid: string): Promise<void> {
  try {
    await ignoreAbsent(session.run(dropRole(name), 'end', signal));
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.code !== '2BP01') throw error;
    const rows = await session.run(listBlockers(oid), 'end', signal);
    const blockers = rows.map((row) => `${String(row['blocker'])}=${String(row['count'])}`);
    throw new ProviderFailure('blocked', `2BP01:${blockers.join(',')}`);
  }
}

async function ignoreAbsent(statement: Promise<unknown>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    if (!(error instanceof ProviderFailure && error.code === '42704')) throw error;
  }
}

/** The role's OID as found and as recorded at creation: they differ only if somebody dropped and made it again. */
function knownOids(lease: LeaseRole, role: RoleFacts | undefined): string[] {
  const oids = new Set([role?.oid, lease.recordedOid]);
  return [...oids].filter((oid) => oid !== undefined && /^\d{1,10}$/.test(oid)) as string[];
}
