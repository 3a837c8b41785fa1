import { ServiceError } from '../errors.ts';
import type { SpiffeId } from '../spiffe-id.ts';

/** How many places each identity has, and what is said to one that has none left. */
export type PlacesOptions = {
  /** What takes a place, in the plural: `sessions`. */
  readonly what: string;
  readonly perIdentityMax: number;
  /** When a refused caller may come again, in milliseconds. */
  readonly retryAfterMs: number;
};

/** Counts what each identity has under way, so that whoever has one SVID shuts nobody else out. */
export class IdentityPlaces {
  readonly #options: PlacesOptions;
  readonly #taken = new Map<SpiffeId, number>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Does the work in a place of its identity, which is free again when the work ends, however it ends.
   * @throws ServiceError RATE_LIMITED when the identity has no place left; and what the work throws.
   */
  async hold<Result>(spiffeId: SpiffeId, work: () => Promise<Result>): Promise<Result> {
    const { what, perIdentityMax, retryAfterMs } = this.#options;
    const taken = this.#taken.get(spiffeId) ?? 0;
    if (taken >= perIdentityMax) {
      throw new ServiceError(
        'RATE_LIMITED',
        `identity "${spiffeId}" has ${taken} ${what} under way, as many as it may`,
        { metadata: { [`${what}_max`]: String(perIdentityMax) }, retryAfterMs },
      );
    }
    this.#taken.set(spiffeId, taken + 1);
    try {
      return await work();
    } finally {
      this.#leave(spiffeId);
    }
  }

  #leave(spiffeId: SpiffeId): void {
    const left = (this.#taken.get(spiffeId) ?? 0) - 1;
    if (left > 0) this.#taken.set(spiffeId, left);
    else this.#taken.delete(spiffeId);
  }
}
