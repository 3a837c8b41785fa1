import { ServiceError } from './errors.ts';

/** A SPIFFE ID in its one canonical text form, e.g. `spiffe://stint.local/ci/deploy`. Made only by {@link parseSpiffeId}. */
export type SpiffeId = string & { readonly __spiffe: 'id' };

/** A trust domain name, e.g. `stint.local`: lower case, no scheme, no path. */
export type TrustDomain = string & { readonly __spiffe: 'trust domain' };

/** Longest SPIFFE ID and trust domain, in bytes. Source: SPIFFE-ID §2.1, §2.3. */
export const spiffeIdBytesMax = 2_048;
export const trustDomainBytesMax = 255;

const trustDomainGrammar = /^[a-z0-9._-]+$/;
const segmentGrammar = /^[a-zA-Z0-9._-]+$/;

/**
 * Reads a workload's SPIFFE ID: scheme `spiffe`, a trust domain, at least one path segment, nothing else.
 *
 * The grammar is written out by hand because URL parsers normalise what must be refused (dots, case, escapes).
 * A mixed-case trust domain is refused although the text may be compared without case (§2.4): two spellings of
 * one identity must not both reach a policy. Source: SPIFFE-ID §2.
 * @throws ServiceError INVALID_FIELD with the part that is wrong.
 */
export function parseSpiffeId(text: string, field = 'spiffe_id'): SpiffeId {
  const fault = spiffeIdFault(text);
  if (fault === undefined) return text as SpiffeId;
  throw new ServiceError('INVALID_FIELD', `${field}: "${printable(text)}" is not a SPIFFE ID: ${fault}`, {
    metadata: { field, fault },
  });
}

/** What is wrong with the text as a workload's SPIFFE ID, or undefined when nothing is. */
export function spiffeIdFault(text: string): string | undefined {
  if (Buffer.byteLength(text) > spiffeIdBytesMax) return `longer than ${spiffeIdBytesMax} bytes`;
  if (!text.startsWith('spiffe://')) return 'it must start with "spiffe://"';
  const rest = text.slice('spiffe://'.length);
  const slash = rest.indexOf('/');
  const domainFault = trustDomainFault(slash < 0 ? rest : rest.slice(0, slash));
  if (domainFault !== undefined) return domainFault;
  if (slash < 0) return 'it has no path: that names the trust domain, not a workload';
  for (const segment of rest.slice(slash + 1).split('/')) {
    if (segment === '') return 'a path segment is empty';
    if (segment === '.' || segment === '..') return 'a path segment is "." or ".."';
    if (!segmentGrammar.test(segment))
      return 'a path segment has a character other than letters, digits, ".", "-", "_"';
  }
  return undefined;
}

/**
 * Reads a trust domain's name. Source: SPIFFE-ID §2.1.
 * @throws ServiceError INVALID_FIELD.
 */
export function parseTrustDomain(text: string, field = 'trust_domain'): TrustDomain {
  const fault = trustDomainFault(text);
  if (fault === undefined) return text as TrustDomain;
  throw new ServiceError('INVALID_FIELD', `${field}: "${printable(text)}" is not a trust domain: ${fault}`, {
    metadata: { field, fault },
  });
}

function trustDomainFault(text: string): string | undefined {
  if (text === '') return 'the trust domain is empty';
  if (text.length > trustDomainBytesMax)
    return `the trust domain is longer than ${trustDomainBytesMax} bytes`;
  if (!trustDomainGrammar.test(text))
    return 'the trust domain has a character other than lower-case letters, digits, ".", "-", "_"';
  return undefined;
}

/** The trust domain an ID belongs to. */
export function trustDomainOf(id: SpiffeId): TrustDomain {
  const rest = id.slice('spiffe://'.length);
  return rest.slice(0, rest.indexOf('/')) as TrustDomain;
}

/** The names of Stint's own parts in a trust domain; nobody else may be registered under `/stint/`. */
export const stintIds = {
  broker: (domain: TrustDomain, name: string) => parseSpiffeId(`spiffe://${domain}/stint/broker/${name}`),
  auditor: (domain: TrustDomain) => parseSpiffeId(`spiffe://${domain}/stint/auditor`),
  nats: (domain: TrustDomain) => parseSpiffeId(`spiffe://${domain}/stint/nats`),
  natsAdmin: (domain: TrustDomain) => parseSpiffeId(`spiffe://${domain}/stint/nats-admin`),
  viewer: (domain: TrustDomain, name: string) => parseSpiffeId(`spiffe://${domain}/stint/viewer/${name}`),
} as const;

/** Whether the ID names a broker, of whatever trust domain: `spiffe://<trust domain>/stint/broker/<name>`. */
export function isBrokerId(id: SpiffeId): boolean {
  return /^spiffe:\/\/[^/]+\/stint\/broker\/[^/]+$/.test(id);
}

/** Whether the ID is one of Stint's own parts. */
export function isStintId(id: SpiffeId): boolean {
  return id.slice('spiffe://'.length).split('/')[1] === 'stint';
}

// Attacker-controlled text goes into a message only short and without control characters.
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length <= 80 ? clean : `${clean.slice(0, 79)}…`;
}
