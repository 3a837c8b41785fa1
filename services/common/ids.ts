import { randomFillSync } from 'node:crypto';
import { ServiceError } from './errors.ts';
import type { UnixMs } from './time.ts';

const prefixes = { request: 'req', grant: 'grt', lease: 'lse', event: 'evt' } as const;

/** What an id names. */
export type IdKind = keyof typeof prefixes;

/** An id such as `grt_01k…`: three letters of kind, then a lower-case ULID. Its text order is its order in time. */
export type Id<Kind extends IdKind> = string & { readonly __id: Kind };
export type RequestId = Id<'request'>;
export type GrantId = Id<'grant'>;
export type LeaseId = Id<'lease'>;
export type EventId = Id<'event'>;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const randomPool = Buffer.alloc(4_096);
let randomUsed = randomPool.length;

/**
 * Makes a fresh id: 48 bits of `now`, then 80 random bits, as 26 characters of Crockford's base 32 in lower case.
 * Ids of one millisecond are unordered among themselves. Source: the ULID specification.
 */
export function newId<Kind extends IdKind>(kind: Kind, now: UnixMs): Id<Kind> {
  if (randomUsed + 16 > randomPool.length) {
    randomFillSync(randomPool);
    randomUsed = 0;
  }
  let text = '';
  let time = now;
  for (let i = 0; i < 10; i++) {
    text = alphabet[time % 32] + text;
    time = Math.floor(time / 32);
  }
  // 256 is a multiple of 32, so the low five bits of a random byte are uniform.
  for (let i = 0; i < 16; i++) text += alphabet[(randomPool[randomUsed++] ?? 0) & 31];
  return `${prefixes[kind]}_${text}` as Id<Kind>;
}

/** Whether the text is a well-formed id of that kind. It need not exist. */
export function isId<Kind extends IdKind>(kind: Kind, text: string): text is Id<Kind> {
  return (
    text.length === 30 &&
    text.startsWith(`${prefixes[kind]}_`) &&
    /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(4))
  );
}

/** When an id says that it was made, in milliseconds; its maker's claim. `id` is well-formed. */
export function idTime(id: Id<IdKind>): UnixMs {
  return [...id.slice(4, 14)].reduce((time, character) => time * 32 + alphabet.indexOf(character), 0);
}

/**
 * Reads an id that came from outside.
 * @throws ServiceError INVALID_FIELD, naming `field`, when the text is not an id of that kind.
 */
export function parseId<Kind extends IdKind>(kind: Kind, text: string, field: string): Id<Kind> {
  if (isId(kind, text)) return text;
  throw new ServiceError('INVALID_FIELD', `${field}: "${text.slice(0, 40)}" is not a ${kind} id`, {
    metadata: { field, expected: `${prefixes[kind]}_ and 26 characters` },
  });
}
