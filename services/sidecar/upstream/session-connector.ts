import { errorReasons, isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import { type LinkTimes, linkTimes, SessionLink, type SessionStream } from './session-link.ts';

/** Wait after the first failure to connect, and the longest wait, in milliseconds: doubled between, each ± 50 %. */
const backoffMsMin = 100;
const backoffMsMax = 5_000;

/** One failure of so many in a row is a warning in the log. */
const failuresPerWarning = 20;

/** How long a link that was replaced may take to answer what was asked on it, in milliseconds. */
const drainMs = 30_000;

export type SessionConnectorOptions = {
  readonly dial: () => SessionStream;
  readonly svids: SvidSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: LinkTimes;
  readonly nextId: () => number;
  /** A link is the current one from now on, in place of the other, which is to be ended when nothing is asked on it. */
  readonly ready: (link: SessionLink, replaced: SessionLink | undefined) => void;
  readonly message: (link: SessionLink, message: MessageView__Output) => void;
  /** A link that was ready is over. */
  readonly closed: (link: SessionLink) => void;
  /** No link can be had for a reason that waiting will not mend. */
  readonly refused: (refusal: ServiceError) => void;
};

/**
 * Keeps one link to a broker: opened at once, again after a loss with growing waits, and anew when the SVID is replaced,
 * in which case the old link stays the current one until the new one is ready, and then has {@link drainMs} to finish.
 */
export class SessionConnector {
  readonly #options: SessionConnectorOptions;
  #current: SessionLink | undefined;
  #opening: SessionLink | undefined;
  readonly #draining = new Map<SessionLink, NodeJS.Timeout>();
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #outage = new ServiceError('BROKER_UNAVAILABLE', 'the sidecar is connecting to its broker', {
    retryAfterMs: 500,
  });
  #unsubscribe: (() => void) | undefined;
  #isStopped = false;

  constructor(options: SessionConnectorOptions) {
    this.#options = options;
  }

  /** The link to ask on; undefined while there is none. */
  get current(): SessionLink | undefined {
    return this.#current;
  }

  /** Why there is no link; undefined while there is one. */
  outage(): ServiceError | undefined {
    return this.#current === undefined ? this.#outage : undefined;
  }

  /** Whether this is the link opened last. */
  isNewest(link: SessionLink): boolean {
    return link === (this.#opening ?? this.#current);
  }

  start(): void {
    this.#unsubscribe = this.#options.svids.onChange(() => {
      this.#failures = 0; // those of before were another identity's, or the lack of any
      this.#connectNow();
    });
    this.#connectNow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    clearTimeout(this.#retry);
    const cause = new ServiceError('SHUTTING_DOWN', 'the sidecar is stopping');
    this.#outage = cause;
    for (const link of [this.#opening, this.#current, ...this.#draining.keys()]) link?.cancel(cause);
  }

  #connectNow(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#connect();
  }

  #connect(): void {
    if (this.#opening !== undefined || this.#isStopped) return;
    const { svids, dial, clock, times = linkTimes, nextId } = this.#options;
    try {
      const { sha256 } = svids.current().svid;
      if (this.#current?.svidSha256 === sha256) return;
      const events = {
        ready: (link: SessionLink) => this.#ready(link),
        message: this.#options.message,
        closed: (link: SessionLink, cause: ServiceError) => this.#closed(link, cause),
      };
      const open = dial();
      this.#opening = new SessionLink({ open, svidSha256: sha256, events, times, clock, nextId });
    } catch (error) {
      this.#failed(error);
    }
  }

  #ready(link: SessionLink): void {
    const old = this.#current;
    this.#opening = undefined;
    this.#current = link;
    this.#failures = 0;
    if (old !== undefined) this.#drain(old);
    this.#options.ready(link, old);
    // The SVID may have been replaced again while this link was opening.
    this.#connect();
  }

  #drain(link: SessionLink): void {
    const late = new ServiceError('BROKER_UNAVAILABLE', 'the session was replaced');
    const timer = setTimeout(() => link.cancel(late), drainMs);
    this.#draining.set(link, timer);
  }

  #closed(link: SessionLink, cause: ServiceError): void {
    clearTimeout(this.#draining.get(link));
    const wasOpening = link === this.#opening;
    const wasCurrent = link === this.#current;
    this.#draining.delete(link);
    if (wasOpening) this.#opening = undefined;
    if (wasCurrent) this.#current = undefined;
    if (!wasOpening) this.#options.closed(link);
    if (wasOpening || wasCurrent) this.#failed(cause);
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    const { log } = this.#options;
    this.#outage = outageOf(error);
    const isRefusal =
      isServiceError(error) && !errorReasons[error.reason].retry && error.reason !== 'INTERNAL';
    // The SVID of the old connection may have ended: the next attempt shows the new one.
    if (isRefusal && !isServiceError(error, 'PEER_UNAUTHENTICATED')) this.#options.refused(this.#outage);
    const ceilingMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    const { reason, message } = this.#outage;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
    const fields = { reason, detail: message, cause, failures: this.#failures };
    // Said at once, and then now and then: an outage of an hour has hundreds of attempts. That there is no identity is no
    // failure of the session: each start waits for the first, and whoever gets it tells of its own failures.
    const isDue = reason !== 'IDENTITY_NOT_READY' && this.#failures % failuresPerWarning === 1;
    const level = isDue ? 'warn' : 'debug';
    log[level](fields, 'no session with the broker; connecting again');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), ceilingMs * (0.5 + Math.random()));
  }
}

/** What a workload is told while there is no link: what is missing, why, and what to do. */
function outageOf(error: unknown): ServiceError {
  if (!isServiceError(error)) {
    return new ServiceError(
      'BROKER_UNAVAILABLE',
      'no session with a broker: an unexpected fault, see the log',
      {
        cause: error,
        retryAfterMs: 1_000,
      },
    );
  }
  const { message, metadata, reason } = error;
  if (reason === 'IDENTITY_NOT_READY') {
    const text = `the sidecar has no identity: ${message}; it keeps trying, and a new join token mends what waiting does not`;
    return new ServiceError(reason, text, { metadata, retryAfterMs: 1_000, cause: error });
  }
  if (!errorReasons[reason].retry && reason !== 'PEER_UNAUTHENTICATED' && reason !== 'INTERNAL') return error;
  const text = `no session with the broker: ${message}; the sidecar keeps trying, check the broker and its address`;
  return new ServiceError('BROKER_UNAVAILABLE', text, { metadata, retryAfterMs: 1_000, cause: error });
}
