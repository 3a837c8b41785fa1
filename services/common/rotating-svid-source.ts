import { ServiceError } from './errors.ts';
import { type Clock, formatTime, type UnixMs } from './time.ts';
import type { SvidSource, SvidState } from './x509-svid.ts';

/**
 * Longest wait between two looks at the wall clock, in milliseconds. Timers stand still while a machine sleeps, so a
 * timer set for the half life would come hours late; a short tick sees the jump within this time of waking.
 */
export const tickMsMax = 30_000;

/** A clock that went back by more than this was set, not corrected: the times computed from it mean nothing. */
const clockSetBackMs = 60_000;

/** Wait after the first failure and the longest wait, in milliseconds: it doubles between, each ± 50 %. */
const retryMsMin = 1_000;
const retryMsMax = 60_000;

/** Part of the half life by which rotation is moved at random, so that many SVIDs of one moment do not rotate in one. */
const rotationJitter = 0.1;

/** How a source does, for status answers and logs. */
export type SvidSourceStatus = {
  readonly state: 'none' | 'valid' | 'expired';
  readonly expiresAt?: UnixMs;
  readonly nextAttemptAt: UnixMs;
  /** Why the last attempt failed, public text; absent after a success. */
  readonly failure?: string;
};

/** What a rotating source needs. */
export type RotatingSvidSourceOptions = {
  /**
   * Gets a new SVID by whatever way is open: given the one that is still valid, or undefined when there is none.
   * It bounds its own time. One call at a time.
   */
  readonly obtain: (current: SvidState | undefined) => Promise<SvidState>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told of each failed attempt, with the time of the next. */
  readonly onFailure: (failure: unknown, nextAttemptAt: UnixMs) => void;
};

/**
 * Keeps one SVID fresh, in memory: rotates it at half its life ± 10 %, and while that fails keeps using the old one and
 * tries again, 1 s to 60 s apart, for ever: also after expiry, so that nothing but a proof of identity is ever
 * missing for coming back. Source: identity research R-1.
 *
 * States: none → valid → (rotated) valid → expired → valid. Only a success changes `current()`.
 */
export class RotatingSvidSource implements SvidSource {
  readonly #options: RotatingSvidSourceOptions;
  readonly #listeners = new Set<(state: SvidState) => void>();
  #state: SvidState | undefined;
  #nextAttemptAt: UnixMs = 0;
  #failures = 0;
  #failure: string | undefined;
  #lastLookAt: UnixMs;
  #attempt: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  readonly #first = Promise.withResolvers<void>();

  constructor(options: RotatingSvidSourceOptions) {
    this.#options = options;
    this.#lastLookAt = options.clock.now();
    // Whoever waits gets the rejection of `stop`; when nobody waits it must not end the process.
    this.#first.promise.catch(() => undefined);
  }

  /** Takes an SVID that was got before, e.g. by the process that ran before this one. */
  adopt(state: SvidState): void {
    this.#accept(state, this.#options.clock.now());
  }

  current(): SvidState {
    const state = this.#state;
    if (state !== undefined && this.#options.clock.now() < state.svid.expiresAt) return state;
    const what =
      state === undefined
        ? 'there is no SVID yet'
        : `the SVID expired at ${formatTime(state.svid.expiresAt)}`;
    throw new ServiceError(
      'IDENTITY_NOT_READY',
      this.#failure === undefined ? what : `${what}: ${this.#failure}`,
    );
  }

  onChange(listener: (state: SvidState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): SvidSourceStatus {
    const expiresAt = this.#state?.svid.expiresAt;
    const isLive = expiresAt !== undefined && this.#options.clock.now() < expiresAt;
    return {
      state: expiresAt === undefined ? 'none' : isLive ? 'valid' : 'expired',
      nextAttemptAt: this.#nextAttemptAt,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  /** Starts ticking; the first attempt begins at once when nothing was adopted. It never throws: see {@link ready}. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run();
  }

  /** Resolves when there is the first SVID; rejects with SHUTTING_DOWN when stopped before. */
  ready(): Promise<void> {
    return this.#first.promise;
  }

  /** Stops ticking. The SVID stays readable; an attempt under way may still replace it. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    this.#first.reject(new ServiceError('SHUTTING_DOWN', 'the service stopped before it had an SVID'));
    await this.#attempt?.catch(() => undefined); // #fail has reported it
  }

  /** Looks at the clock and makes an attempt when one is due. Failures are reported, not thrown. */
  async tick(): Promise<void> {
    const now = this.#options.clock.now();
    const wasSetBack = now < this.#lastLookAt - clockSetBackMs;
    this.#lastLookAt = now;
    if (now < this.#nextAttemptAt && !wasSetBack) return;
    await this.attempt().catch(() => undefined); // #fail has reported it and set the next attempt
  }

  /**
   * Makes an attempt now, or joins the one under way.
   * @throws whatever the attempt failed with; the next one is then set.
   */
  attempt(): Promise<void> {
    this.#attempt ??= this.#obtain().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #obtain(): Promise<void> {
    const { clock, obtain } = this.#options;
    const held = this.#state;
    const live = held !== undefined && clock.now() < held.svid.expiresAt ? held : undefined;
    try {
      const state = await obtain(live);
      refuseOutOfTime(state, clock.now());
      this.#accept(state, clock.now());
    } catch (failure) {
      this.#fail(failure, clock.now());
      throw failure;
    }
  }

  #accept(state: SvidState, now: UnixMs): void {
    this.#state = state;
    this.#failures = 0;
    this.#failure = undefined;
    const { notBefore, expiresAt } = state.svid;
    // An adopted SVID is rotated when its own half life is over, not when half of what is left is.
    const halfLifeMs = (expiresAt - notBefore) / 2;
    const jitterMs = halfLifeMs * rotationJitter * (2 * this.#options.random() - 1);
    this.#nextAttemptAt = Math.max(now + retryMsMin, Math.round(notBefore + halfLifeMs + jitterMs));
    this.#first.resolve();
    for (const listener of this.#listeners) listener(state);
  }

  #fail(failure: unknown, now: UnixMs): void {
    this.#failures += 1;
    // Only a ServiceError's text is made to be shown.
    this.#failure = failure instanceof ServiceError ? failure.message : 'an unexpected fault; see the log';
    const waitMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#failures - 1, 10));
    this.#nextAttemptAt = now + Math.round(waitMs * (0.5 + this.#options.random()));
    this.#options.onFailure(failure, this.#nextAttemptAt);
  }

  #run(): void {
    void this.tick().then(() => {
      if (!this.#isRunning) return;
      const untilDueMs = this.#nextAttemptAt - this.#options.clock.now();
      const waitMs = Math.max(50, Math.min(tickMsMax, untilDueMs));
      this.#timer = setTimeout(() => this.#run(), waitMs);
      this.#timer.unref(); // keeping an SVID fresh is no reason to keep a process alive
    });
  }
}

function refuseOutOfTime(state: SvidState, now: UnixMs): void {
  const { notBefore, expiresAt } = state.svid;
  if (notBefore <= now && now < expiresAt) return;
  const span = `${formatTime(notBefore)} to ${formatTime(expiresAt)}`;
  throw new ServiceError(
    'IDENTITY_NOT_READY',
    `the SVID received is good from ${span}, and this machine's clock says ${formatTime(now)}: set the clock`,
  );
}
