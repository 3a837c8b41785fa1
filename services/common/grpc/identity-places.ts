import { ServiceError } from '../errors.ts';
import type { SpiffeId } from '../spiffe-id.ts';

/** How many places each identity has, and what is said to one that has none left. */
export type PlacesOptions = {
  /** What takes a place, in the plural: `sessions`. */
  readonly what: string;
  readonly perIdentityMax: number;
  /**
   * Places of all identities together, when they are bounded: once half are taken, the rest are for identities that have
   * none, one each. So identities that take all they may leave room for half as many others.
   */
  readonly inAllMax?: number;
  /** When a refused caller may come again, in milliseconds. */
  readonly retryAfterMs: number;
};

/** Counts what each identity has under way, so that whoever has one SVID shuts nobody else out. */
export class IdentityPlaces {
  readonly #options: PlacesOptions;
  readonly #taken = new Map<SpiffeId, number>();
  #takenInAll = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Does the work in a place of its identity, which is free again when the work ends, however it ends.
   * @throws ServiceError RATE_LIMITED when the identity has no place left, or all have none for it; and what the work throws.
   */
  async hold<Result>(spiffeId: SpiffeId, work: () => Promise<Result>): Promise<Result> {
    const taken = this.#taken.get(spiffeId) ?? 0;
    this.#admit(spiffeId, taken);
    this.#taken.set(spiffeId, taken + 1);
    this.#takenInAll++;
    try {
      return await work();
    } finally {
      this.#leave(spiffeId);
    }
  }

  #admit(spiffeId: SpiffeId, taken: number): void {
    const { what, perIdentityMax, inAllMax = Number.POSITIVE_INFINITY, retryAfterMs } = this.#options;
    const refuse = (why: string, metadata: Record<string, string>) => {
      throw new ServiceError('RATE_LIMITED', why, { metadata, retryAfterMs });
    };
    if (taken >= perIdentityMax)
      refuse(`identity "${spiffeId}" has ${taken} ${what} under way, as many as it may`, {
        [`${what}_max`]: String(perIdentityMax),
      });
    const roomMax = taken === 0 ? inAllMax : inAllMax / 2;
    if (this.#takenInAll >= roomMax)
      refuse(
        taken === 0
          ? `all identities together have ${this.#takenInAll} ${what} under way, as many as there is room for`
          : `identity "${spiffeId}" has ${taken} ${what} under way, and the room left is for identities that have none`,
        { [`${what}_in_all_max`]: String(inAllMax) },
      );
  }

  #leave(spiffeId: SpiffeId): void {
    this.#takenInAll--;
    const left = (this.#taken.get(spiffeId) ?? 0) - 1;
    if (left > 0) this.#taken.set(spiffeId, left);
    else this.#taken.delete(spiffeId);
  }
}
