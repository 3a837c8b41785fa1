/** Where a lease stands by what the log says of it. The broker's own states, as far as events tell them apart. */
type LeaseState =
  | 'intent'
  | 'active'
  | 'unknown'
  | 'revoking'
  | 'contained'
  | 'stuck'
  | 'revoked'
  | 'aborted';

/** Which states each event may follow, and the state that it makes. */
const leaseMoves: Readonly<
  Record<string, { readonly from: readonly LeaseState[]; readonly to: LeaseState }>
> = {
  'lease.activated': { from: ['intent'], to: 'active' },
  'lease.aborted': { from: ['intent'], to: 'aborted' },
  'lease.unknown': { from: ['intent'], to: 'unknown' },
  'lease.renewed': { from: ['active'], to: 'active' },
  'lease.revoking': { from: ['active', 'unknown'], to: 'revoking' },
  'lease.contained': { from: ['revoking', 'stuck'], to: 'contained' },
  // A signed credential stands at no target: telling its verifiers ends it in one step.
  'lease.revoked': { from: ['active', 'contained', 'stuck'], to: 'revoked' },
  'lease.stuck': { from: ['revoking', 'contained'], to: 'stuck' },
};

const grantBegins: Readonly<Record<string, LeaseState>> = {
  'grant.decided': 'intent',
  'grant.issued': 'active',
};

/** What a broker may write of a lease that another one made: it renews and ends it, and never brings it into being. */
const movesOfOthers: ReadonlySet<string> = new Set([
  'lease.renewed',
  'lease.unknown',
  'lease.revoking',
  'lease.revoked',
]);

/** One event of a grant's life. */
export type GrantEvent = {
  readonly type: string;
  readonly leaseId: string | undefined;
  readonly sourceId: number;
};

/**
 * Follows one grant through the log and says where its life is not one that a broker could have led: a lease that was
 * activated without a decision, revoked without having begun to end, anything after the end. A grant that goes on at the
 * end of the log is no fault, nor is an event of a type that is not known here.
 *
 * Only the order within one broker counts. Between brokers the log's order says nothing: each sends its events when it
 * can, and one that was killed sends them when it is back. So a grant that several brokers wrote about is never judged by
 * order ({@link isShared}), and where several brokers write to the log, the first event of a grant may be the end that
 * another broker gave it. Its making must still be in the log, once its maker has sent it ({@link lacksBeginning}).
 */
export class GrantHistory {
  readonly #mayBeginElsewhere: boolean;
  readonly #leases = new Map<string, LeaseState>();
  readonly #writers = new Set<number>();
  #hasBegun = false;
  #hasGoneOn = false;
  #hasEnded = false;

  constructor({ mayBeginElsewhere }: { readonly mayBeginElsewhere: boolean }) {
    this.#mayBeginElsewhere = mayBeginElsewhere;
  }

  /** Whether several brokers wrote of the grant: what was said of it until then does not count. */
  get isShared(): boolean {
    return this.#writers.size > 1;
  }

  /** The brokers that wrote of the grant, by their numbers. None of them can still send its beginning: it would be there before. */
  get writers(): ReadonlySet<number> {
    return this.#writers;
  }

  /** Whether the grant was renewed or ended by somebody, and made by nobody. */
  get lacksBeginning(): boolean {
    return this.#hasGoneOn && !this.#hasBegun;
  }

  /** Whether a grant's life begins with an event of this type. */
  static begins(type: string): boolean {
    return grantBegins[type] !== undefined;
  }

  /** Whether an event of this type is a step of a grant's life: it must then name the grant and its lease. */
  static concerns(type: string): boolean {
    return GrantHistory.begins(type) || leaseMoves[type] !== undefined || type === 'grant.ended';
  }

  /** Takes the next event; the fault, if it cannot follow what came before. */
  next(event: GrantEvent): string | undefined {
    const begin = grantBegins[event.type];
    const move = leaseMoves[event.type];
    const isEnd = event.type === 'grant.ended';
    this.#writers.add(event.sourceId);
    this.#hasBegun ||= begin !== undefined;
    this.#hasGoneOn ||= move !== undefined || isEnd;
    if (this.isShared) return undefined;
    if (begin !== undefined) return this.#begin(event, begin);
    if (isEnd) return this.#end();
    return move === undefined ? undefined : this.#move(event, move);
  }

  #begin(event: GrantEvent, state: LeaseState): string | undefined {
    if (this.#leases.size > 0) return `${event.type} for a grant that was decided before`;
    this.#leases.set(event.leaseId ?? '', state);
    return undefined;
  }

  #move(
    event: GrantEvent,
    move: { readonly from: readonly LeaseState[]; readonly to: LeaseState },
  ): string | undefined {
    const lease = event.leaseId ?? '';
    const state = this.#leases.get(lease) ?? this.#stateElsewhere(event.type, move.from);
    if (state === undefined) return `${event.type} for a lease that nothing granted`;
    if (this.#hasEnded) return `${event.type} after grant.ended`;
    if (!move.from.includes(state)) return `${event.type} while the lease was ${state}`;
    this.#leases.set(lease, move.to);
    return undefined;
  }

  /** Where the lease was that another broker made, whose events may still be on their way. */
  #stateElsewhere(type: string, from: readonly LeaseState[]): LeaseState | undefined {
    return this.#mayBeginElsewhere && movesOfOthers.has(type) ? from[0] : undefined;
  }

  #end(): string | undefined {
    if (this.#leases.size === 0) return 'grant.ended for a grant that was never decided';
    if (this.#hasEnded) return 'grant.ended a second time';
    this.#hasEnded = true;
    const open = [...this.#leases.values()].find((state) => state !== 'revoked' && state !== 'aborted');
    return open === undefined ? undefined : `grant.ended while its lease was ${open}`;
  }
}
