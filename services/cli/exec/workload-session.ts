import type { WatchResponse__Output } from '@stint/common/gen/stint/sidecar/v1/WatchResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { formatDurationMs } from '@stint/common/time.ts';
import { type CliError, cliError, incompleteAnswer } from '../cli-error.ts';

/** What can happen to a command's access while it runs. */
export type AccessEvent =
  | { readonly kind: 'ended'; readonly grantId: string; readonly reason: string }
  /** The sidecar went away, and with it the word of what happens. */
  | { readonly kind: 'lost' };

/** A Watch stream at the sidecar: what is acquired with its id is given back when it ends, however it ends. */
export type WorkloadSession = {
  readonly id: string;
  /** Tells what happens from the opening on. Call once. */
  follow(listener: (event: AccessEvent) => void): void;
  close(): void;
};

/** How long a sidecar may take to open a session, in milliseconds: it asks nobody for that. */
export const openMsMax = 10_000;

/**
 * Opens one.
 * @param at.name shown on status pages.
 * @param at.signal gives the opening up; once open, the session lives until it is closed.
 * @throws CliError NOT_RUNNING after {@link openMsMax} without an answer, ANSWER_INCOMPLETE; the signal's reason.
 */
export async function openWorkloadSession(
  sidecar: GrpcChannel,
  at: { readonly name: string; readonly signal: AbortSignal },
): Promise<WorkloadSession> {
  const closing = new AbortController();
  const giveUp = () => closing.abort(at.signal.reason);
  at.signal.addEventListener('abort', giveUp, { once: true });
  const request = { name: at.name.slice(0, 128) };
  const stream = sidecar.serverStream(services.sidecar.Watch, request, { signal: closing.signal });
  const messages = stream[Symbol.asyncIterator]();
  const timer = setTimeout(() => closing.abort(notAnswering()), openMsMax);
  const first = await messages.next().finally(() => clearTimeout(timer));
  at.signal.removeEventListener('abort', giveUp);
  const id = first.done === true ? undefined : first.value.opened?.sessionId;
  if (id === undefined) {
    closing.abort();
    throw incompleteAnswer('the sidecar opened no session');
  }
  return {
    id,
    follow: (listener) => void followMessages(messages, { listener, closing: closing.signal }),
    close: () => closing.abort(),
  };
}

function notAnswering(): CliError {
  return cliError('NOT_RUNNING', {
    what: 'the sidecar does not answer',
    why: `it takes connections, and opened no session in ${formatDurationMs(openMsMax)}`,
    fix: 'see whether it is stopped or its machine is out of memory, and start it again',
  });
}

async function followMessages(
  messages: AsyncIterator<WatchResponse__Output>,
  to: { readonly listener: (event: AccessEvent) => void; readonly closing: AbortSignal },
): Promise<void> {
  try {
    for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
      const { ended } = next.value;
      if (ended) to.listener({ kind: 'ended', grantId: ended.grantId, reason: ended.reason });
    }
    if (!to.closing.aborted) to.listener({ kind: 'lost' });
  } catch {
    // Whatever ended the stream, the command goes on; only that nothing more will be told matters.
    if (!to.closing.aborted) to.listener({ kind: 'lost' });
  }
}
