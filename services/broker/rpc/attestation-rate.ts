import { isIPv6 } from 'node:net';
import { ServiceError } from '@stint/common/errors.ts';
import type { Clock } from '@stint/common/time.ts';
import { type Rate, RateMeter } from '../domain/rate.ts';

/**
 * Attestations from one address: as many workloads as start together on one machine, then five a second. IPv6 counts by
 * networks of 64 bits, because whoever has one address has all of its network.
 */
export const attestationsPerAddress: Rate = { burst: 100, intervalMs: 200 };

/** Attestations from everywhere: as many as a site starts together, then fifty a second. */
export const attestationsInTotal: Rate = { burst: 500, intervalMs: 20 };

/**
 * Attestations from one network, IPv4 of 24 bits and IPv6 of 48 (what one customer of a provider commonly has): a quarter
 * of the total, so that whoever has one such network does not have everybody's part.
 */
export const attestationsPerNetwork: Rate = {
  burst: attestationsInTotal.burst / 4,
  intervalMs: attestationsInTotal.intervalMs * 4,
};

/** Attestations of a network that count as its first ones: ten, and one more each six seconds. */
export const firstAttestations: Rate = { burst: 10, intervalMs: 6_000 };

/** As much of the total's burst as only first attestations take, which a flood from few networks therefore leaves over. */
export const keptForFirst = attestationsInTotal.burst / 4;

/** The name under which what everybody does is counted. */
const everybody = 'everybody';

/**
 * Bounds how often somebody without an identity may try a proof: a flood costs signatures, log lines and disk, and is
 * refused before any of them. Memory is bounded by the total: what was let in is remembered for a minute at most.
 */
export class AttestationRate {
  readonly #clock: Clock;
  readonly #addresses = new RateMeter(attestationsPerAddress);
  readonly #networks = new RateMeter(attestationsPerNetwork);
  readonly #first = new RateMeter(firstAttestations);
  readonly #total = new RateMeter(attestationsInTotal);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes an attempt of that address. @throws ServiceError RATE_LIMITED, saying when there is room again. */
  take(address: string): void {
    const now = this.#clock.now();
    const { source, network } = placesOf(address);
    const isFirst = this.#first.waitMs(network, now) === 0;
    // Whoever is refused for his own haste takes nothing from the others.
    require(this.#addresses.rate, this.#addresses.waitMs(source, now), 'this address');
    require(this.#networks.rate, this.#networks.waitMs(network, now), "this address's network");
    const kept = isFirst ? 0 : keptForFirst;
    require(this.#total.rate, this.#total.waitMs(everybody, now, kept), 'all addresses together');
    this.#addresses.take(source, now);
    this.#networks.take(network, now);
    this.#total.take(everybody, now);
    if (isFirst) this.#first.take(network, now);
  }
}

function require({ burst, intervalMs }: Rate, retryAfterMs: number, who: string): void {
  if (retryAfterMs === 0) return;
  throw new ServiceError(
    'RATE_LIMITED',
    `attestation: ${who} may try ${burst} times at once and ${1_000 / intervalMs} times a second`,
    { metadata: { burst: String(burst), interval_ms: String(intervalMs) }, retryAfterMs },
  );
}

/** What an address is counted as, and the network that it is counted with. */
function placesOf(address: string): { source: string; network: string } {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(plain)) return { source: plain, network: plain.split('.').slice(0, 3).join('.') };
  const groups = leadingGroups(plain);
  return { source: groups.join(':'), network: groups.slice(0, 3).join(':') };
}

/** The first four groups of an IPv6 address as Node writes it: shortened, in lower case. */
function leadingGroups(address: string): readonly string[] {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before.slice(0, 4);
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4);
}
