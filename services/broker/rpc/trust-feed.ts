import type { TrustBundle } from '@stint/common/gen/stint/broker/v1/TrustBundle.ts';

/** What sidecars must trust, as the adapters that own it give it. */
export type TrustSource = {
  readonly x509Authorities: readonly Buffer[];
  readonly jwks: string;
  readonly issuer: string;
};

/** The trust bundle in force. Its sequence rises with every change of content and is by the clock, so that a restart never lowers it. */
export class TrustFeed {
  readonly #read: () => TrustSource;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #current: TrustBundle;

  constructor(read: () => TrustSource, now: () => number) {
    this.#read = read;
    this.#now = now;
    this.#current = toBundle(read(), now());
  }

  current(): TrustBundle {
    return this.#current;
  }

  /** Reads the sources again and tells every session if anything changed. Called after keys were rotated. */
  refresh(): void {
    const next = toBundle(this.#read(), Math.max(this.#now(), Number(this.#current.sequence) + 1));
    if (sameContent(next, this.#current)) return;
    this.#current = next;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function toBundle(source: TrustSource, sequence: number): TrustBundle {
  return { sequence, x509Authorities: [...source.x509Authorities], jwks: source.jwks, issuer: source.issuer };
}

function sameContent(a: TrustBundle, b: TrustBundle): boolean {
  return JSON.stringify({ ...a, sequence: 0 }) === JSON.stringify({ ...b, sequence: 0 });
}
