import type { Clock } from '@stint/common/time.ts';
import { ProviderFailure } from '../../app/ports/provider.ts';
import type { PostgresConfig } from './config.ts';
import { type Lane, Lanes } from './lanes.ts';
import { Session } from './session.ts';
import { ping } from './statements.ts';

/**
 * Oldest session that is used again, in milliseconds: after it the clock is measured and the name resolved anew. It
 * bounds how long a step of either clock can go unnoticed.
 */
const sessionAgeMsMax = 60_000;

/** A session idle for longer is asked before it is used, so that a dead one shows before anything is written. */
const idleMsMax = 10_000;

/** How long such a session has to answer, in milliseconds. */
const pingMsMax = 1_000;

/** How long opening a connection may take, in milliseconds. */
const connectMsMax = 5_000;

type IdleSession = { readonly session: Session; readonly since: number };

/** The connections to one target: opened when first needed, never more than `connectionsMax`, shared by lane. */
export class Connections {
  readonly #config: PostgresConfig;
  readonly #applicationName: string;
  readonly #clock: Clock;
  readonly #lanes: Lanes;
  readonly #idle: IdleSession[] = [];
  readonly #closing = new AbortController();

  constructor(options: {
    readonly config: PostgresConfig;
    readonly applicationName: string;
    readonly clock: Clock;
  }) {
    this.#config = options.config;
    this.#applicationName = options.applicationName;
    this.#clock = options.clock;
    this.#lanes = new Lanes(options.config.connectionsMax);
  }

  /**
   * Does work on a session of its lane. `deadlineMs` bounds it whole, waiting and connecting included; when it passes,
   * the session is cut.
   * @throws ProviderFailure; `unreachable` and `blocked` codes of a connection mean that the work has not begun.
   */
  run<T>(
    lane: Lane,
    limits: { readonly signal: AbortSignal; readonly deadlineMs: number },
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signal = AbortSignal.any([
      limits.signal,
      this.#closing.signal,
      AbortSignal.timeout(limits.deadlineMs),
    ]);
    return this.#lanes.run(lane, signal, async () => {
      const session = await this.#take(signal);
      try {
        return await work(session, signal);
      } finally {
        this.#giveBack(session);
      }
    });
  }

  /** Does work on a session of its own in another database, closed afterwards. */
  async runIn<T>(database: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#open(database, signal).catch(refusedByOneDatabase);
    try {
      return await work(session);
    } finally {
      session.destroy();
    }
  }

  /** Cuts what is under way and closes the rest. Later work is refused as `unreachable`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#idle.splice(0).map(({ session }) => session.close()));
  }

  async #take(signal: AbortSignal): Promise<Session> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (await this.#isFit(idle, signal)) return idle.session;
      idle.session.destroy();
    }
    return this.#open(this.#config.database, signal);
  }

  async #isFit({ session, since }: IdleSession, signal: AbortSignal): Promise<boolean> {
    const now = this.#clock.now();
    const isCurrent = now >= session.openedAt && now - session.openedAt <= sessionAgeMsMax;
    if (!session.isUsable || !isCurrent) return false;
    if (now - since <= idleMsMax) return true;
    try {
      await session.run(ping, 'connect', AbortSignal.any([signal, AbortSignal.timeout(pingMsMax)]));
      return true;
    } catch (error) {
      if (error instanceof ProviderFailure) return false;
      throw error;
    }
  }

  #open(database: string, signal: AbortSignal): Promise<Session> {
    const options = {
      config: this.#config,
      database,
      applicationName: this.#applicationName,
      clock: this.#clock,
    };
    return Session.open(options, AbortSignal.any([signal, AbortSignal.timeout(connectMsMax)]));
  }

  #giveBack(session: Session): void {
    if (!session.isUsable) return;
    if (this.#closing.signal.aborted) session.destroy();
    else this.#idle.push({ session, since: this.#clock.now() });
  }
}

/** A database that does not let the broker in says nothing against the server, which let it into another one. */
function refusedByOneDatabase(thrown: unknown): never {
  if (thrown instanceof ProviderFailure && thrown.kind === 'blocked')
    throw new ProviderFailure('blocked', thrown.code, { remedy: thrown.remedy });
  throw thrown;
}
