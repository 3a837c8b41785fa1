import type { Clock, UnixMs } from '@stint/common/time.ts';
import { ProviderFailure, type ProviderSet, type TargetProvider } from './ports/provider.ts';

/** What the broker knows of one target by its own calls there, since it started. */
export type TargetReport = {
  readonly provider: string;
  readonly kind: string;
  /** `away`: it does not answer, or does not let the broker in. */
  readonly state: 'unasked' | 'answers' | 'away';
  /** Since when it is so; undefined while it is `unasked`. */
  readonly since: UnixMs | undefined;
  /** When the latest call began. */
  readonly lastAskedAt: UnixMs | undefined;
  /** The last call that found it away. */
  readonly lastFailure: TargetFault | undefined;
};

/** Why a target was away. Our own words and a code: printable, without a secret, without any text of the target's. */
type TargetFault = { readonly reason: string; readonly at: UnixMs };

/** What a failure that is not about the one call alone means, by its kind. */
const reasons: Readonly<Record<ProviderFailure['kind'], string>> = {
  unreachable: 'it cannot be reached',
  ambiguous: 'the connection was lost or the answer did not come in time',
  blocked: 'it does not let the broker in',
  definite: 'it refuses every call',
};

/** What mends it is told with the code where it is one short printable line, as all of ours for a whole target are. */
const plainRemedy = /^[\x20-\x7e]{1,90}$/;

/** Codes that are told as they are; no provider of ours has others. */
const plainCode = /^[\w.:=,-]{1,64}$/;

/**
 * How the targets do, as far as the broker's own work there shows: nothing is asked for this. One record for each provider
 * that creates, in memory. The orphan sweep asks each target once a minute, so that a record is not older for long; a
 * restart begins with none.
 */
export class TargetHealth {
  readonly #clock: Clock;
  readonly #records = new Map<string, TargetRecord>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same providers, with every call at a target noted. Those that only sign have no target and stay as they are. */
  watch(providers: ProviderSet): ProviderSet {
    const watched = [...providers].map(
      ([name, provider]) => [name, provider.mode === 'creates' ? this.#watch(provider) : provider] as const,
    );
    return new Map(watched);
  }

  /** In the order of the providers. */
  reports(): readonly TargetReport[] {
    return [...this.#records.values()].map((record) => record.report());
  }

  #watch(provider: TargetProvider): TargetProvider {
    const { name, kind, mode } = provider;
    const check = provider.checkTarget?.bind(provider);
    const record = new TargetRecord(provider, this.#clock);
    this.#records.set(name, record);
    const watched: WatchedTarget = {
      name,
      kind,
      mode,
      entityName: (leaseId) => provider.entityName(leaseId),
      profileFaults: (resource, profile) => provider.profileFaults(resource, profile),
      create: (...facts) => record.note(() => provider.create(...facts)),
      remint: (...facts) => record.note(() => provider.remint(...facts)),
      extend: (...facts) => record.note(() => provider.extend(...facts)),
      contain: (...facts) => record.note(() => provider.contain(...facts)),
      remove: (...facts) => record.note(() => provider.remove(...facts)),
      listEntities: (signal) => record.note(() => provider.listEntities(signal)),
      maintain: provider.maintain?.bind(provider),
      checkTarget: check && ((...facts) => record.note(() => check(...facts))),
      close: () => provider.close(),
    };
    return watched;
  }
}

/** With every member named, also those that a provider may leave out: none is lost by being watched. */
type WatchedTarget = { readonly [Member in keyof Required<TargetProvider>]: TargetProvider[Member] };

/** What is known of one target. */
class TargetRecord {
  readonly #about: Pick<TargetReport, 'provider' | 'kind'>;
  readonly #clock: Clock;
  #state: TargetReport['state'] = 'unasked';
  #since: UnixMs | undefined;
  #lastAskedAt: UnixMs | undefined;
  /** How many calls were answered: which came first is told by it, for the clock may be set back in between. */
  #answered = 0;
  #lastFailure: TargetFault | undefined;

  constructor({ name, kind }: TargetProvider, clock: Clock) {
    this.#about = { provider: name, kind };
    this.#clock = clock;
  }

  /** Makes a call, which passes through as it is, and notes what it says of the target. */
  async note<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const answeredBefore = this.#answered;
    this.#lastAskedAt = this.#clock.now();
    try {
      const answer = await call();
      this.#noteAnswer();
      return answer;
    } catch (thrown) {
      if (thrown instanceof ProviderFailure) this.#noteFailure(thrown, answeredBefore);
      throw thrown;
    }
  }

  report(): TargetReport {
    return {
      ...this.#about,
      state: this.#state,
      since: this.#since,
      lastAskedAt: this.#lastAskedAt,
      lastFailure: this.#lastFailure,
    };
  }

  #noteAnswer(): void {
    this.#answered++;
    this.#enter('answers');
  }

  #noteFailure({ kind, code, remedy, target }: ProviderFailure, answeredBefore: number): void {
    if (target === 'answers') this.#noteAnswer();
    // A call that hung while another one was answered tells of the past.
    if (target !== 'away' || this.#answered > answeredBefore) return;
    const mending = remedy !== undefined && plainRemedy.test(remedy) ? `: ${remedy}` : '';
    const shownCode = plainCode.test(code) ? code : 'with a code that cannot be shown';
    const reason = `${reasons[kind]} (${shownCode})${mending}`;
    this.#lastFailure = { reason, at: this.#clock.now() };
    this.#enter('away');
  }

  #enter(state: TargetReport['state']): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#clock.now();
  }
}
