import { setTimeout as delay } from 'node:timers/promises';
import type { UnixMs } from '@stint/common/time.ts';
import { ProviderFailure } from '../../app/ports.ts';
import type { Session } from './session.ts';
import { cutAccess, cutSessions, lookUpRole } from './statements.ts';

/** How long sessions may take to end after they were told to, in milliseconds. */
export const sessionsEndMsMax = 5_000;

/** Longest wait between two looks at the sessions that are ending, in milliseconds. */
const lookAgainMsMax = 50;

/** A role as the target knows it. `databases` are those in which objects or rights hang on it; '' stands for shared ones. */
export type RoleFacts = {
  readonly oid: string;
  readonly canLogIn: boolean;
  readonly groups: readonly string[];
  readonly databases: readonly string[];
};

/** Looks the role up; `role` is undefined when there is none. `now` is the target's time. */
export async function findRole(
  session: Session,
  name: string,
  signal: AbortSignal,
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

/** Takes a found role's access away. Done before: sends nothing. Dropped meanwhile by somebody else: nothing is left to take. */
export async function endAccess(
  session: Session,
  name: string,
  options: { readonly role: RoleFacts; readonly signal: AbortSignal },
): Promise<void> {
  const { role, signal } = options;
  if (!role.canLogIn && role.groups.length === 0) return;
  await ignoreAbsent(session.run(cutAccess(name, role.groups), 'end', signal));
}

/**
 * Ends the sessions of these roles, and returns how many there were once the target says that none is left.
 * A session that was logging in when access was cut shows a moment later and is found by the next look, or by removal.
 * @throws ProviderFailure `unreachable` SESSIONS_LEFT after {@link sessionsEndMsMax}.
 */
export async function endSessions(
  session: Session,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (oids.length === 0) return 0;
  const cut = new Set<unknown>();
  const end = performance.now() + sessionsEndMsMax;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, lookAgainMsMax)) {
    const rows = await session.run(cutSessions(oids), 'end', signal);
    for (const row of rows) cut.add(row['pid']);
    if (rows.length === 0) return cut.size;
    if (performance.now() > end) throw new ProviderFailure('unreachable', 'SESSIONS_LEFT');
    await delay(waitMs);
  }
}

/** Waits for a statement about a role; true when the role was there. */
export async function ignoreAbsent(statement: Promise<unknown>): Promise<boolean> {
  try {
    await statement;
    return true;
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === '42704') return false;
    throw error;
  }
}
