import { isServiceError } from '@stint/common/errors.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { type LateEffect, withFix, withLateEffect } from './cli-error.ts';
import type { CommandSession } from './command-session.ts';
import { shellWords } from './terminal/shell-words.ts';
import type { ToldChannel } from './told-channel.ts';
import { type Access, readAccess } from './views/access-view.ts';

/** How long asking may take, in milliseconds: the broker may have to create a user at a busy database. */
const acquireMsMax = 30_000;

/** How long the sidecar may take to say how it does, in milliseconds. */
const statusMsMax = 1_000;

/** What is asked for. */
export type AccessQuestion = {
  readonly resource: string;
  readonly action: string;
  readonly justification: string;
  readonly context: Readonly<Record<string, string>>;
  readonly ttlMs?: number | undefined;
  /** A lease of its own, never one that is held already. */
  readonly fresh: boolean;
  /** The Watch stream whose end releases it; absent: held until released or its end. */
  readonly sessionId?: string;
};

/**
 * Asks the sidecar for access.
 * @throws CliError with the way to find out why when policy says no; ServiceError otherwise, or the signal's reason.
 */
export async function acquireAccess(
  session: CommandSession,
  question: AccessQuestion,
  signal?: AbortSignal,
): Promise<Access> {
  const sidecar = await session.channel('sidecar');
  const { ttlMs, sessionId, ...fields } = question;
  const request = {
    ...fields,
    ttl: ttlMs === undefined ? null : toDuration(ttlMs),
    sessionId: sessionId ?? '',
  };
  const describeWait = async (left: string) =>
    `still waiting for ${await awaitedParty(sidecar)}: ${left} more at most; Ctrl-C gives up`;
  const options = { deadlineMs: acquireMsMax, signal, describeWait };
  try {
    return readAccess(await sidecar.call(services.sidecar.Acquire, request, options));
  } catch (thrown) {
    if (isServiceError(thrown, 'GRANT_DENIED')) throw withFix(thrown, explainCommand(question));
    throw withLateEffect(thrown, lateGrant);
  }
}

/** The broker ends what was not delivered, and the sidecar gives back what comes late. */
const lateGrant: LateEffect = {
  effect: 'it may still be granted, and what nobody received is ended again',
  look: 'stint grants list --live',
};

/** Who keeps access waiting. */
function awaitedParty(sidecar: ToldChannel): Promise<string> {
  return sidecar.call(services.sidecar.GetStatus, {}, { deadlineMs: statusMsMax }).then(
    ({ connected }) =>
      connected
        ? 'the broker, or the target behind it'
        : 'the sidecar, which is looking for a broker that answers',
    // However asking failed, it is the sidecar that does not answer.
    () => 'the sidecar, which does not answer',
  );
}

function explainCommand({ resource, action, justification, context }: AccessQuestion): string {
  const reason = justification === '' ? [] : ['--reason', justification];
  const facts = Object.entries(context).flatMap(([key, value]) => ['--context', `${key}=${value}`]);
  return shellWords(['stint', 'explain', resource, action, ...reason, ...facts]);
}
