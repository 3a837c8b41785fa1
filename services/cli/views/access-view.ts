import type { Credential__Output } from '@stint/common/gen/stint/broker/v1/Credential.ts';
import type { AcquireResponse__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import { formatDurationMs, type UnixMs } from '@stint/common/time.ts';
import { incompleteAnswer } from '../cli-error.ts';
import type { Painter } from '../terminal/colors.ts';
import { type Cell, renderFacts } from '../terminal/table.ts';
import { grantJson, leaseJson } from './grant-view.ts';
import { distanceText, timeText } from './time-text.ts';

/** Access whole: an answer of the sidecar of which no part is missing. */
export type Access = {
  readonly grant: NonNullable<AcquireResponse__Output['grant']>;
  readonly lease: NonNullable<AcquireResponse__Output['lease']>;
  readonly credential: NonNullable<AcquireResponse__Output['credential']>;
  readonly cached: boolean;
};

/** Reads the sidecar's answer. @throws CliError ANSWER_INCOMPLETE when a part is missing. */
export function readAccess({ grant, lease, credential, cached }: AcquireResponse__Output): Access {
  if (grant !== null && lease !== null && credential !== null) return { grant, lease, credential, cached };
  throw incompleteAnswer('the sidecar answered without grant, lease or credential');
}

/** Whether secrets are shown: only as the user asks. */
export type SecretChoice = { readonly showSecret: boolean };

/** Access as programs get it; `password` and `token` are null unless asked for. */
export function accessJson(access: Access, choice: SecretChoice): object {
  return {
    grant: grantJson(access.grant),
    lease: leaseJson(access.lease),
    credential: credentialJson(access.credential, choice),
    cached: access.cached,
  };
}

function credentialJson(
  { database, token }: Credential__Output,
  { showSecret }: SecretChoice,
): object | null {
  if (database) {
    const { engine, host, port, username, sslmode, password } = database;
    const facts = { kind: 'database', engine, host, port, database: database.database, username, sslmode };
    return { ...facts, password: showSecret ? password : null };
  }
  if (token) return { kind: 'token', token_type: token.tokenType, token: showSecret ? token.token : null };
  return null;
}

/** Access for people. */
export function accessText(
  access: Access,
  choice: SecretChoice & { readonly now: UnixMs },
  paint: Painter,
): string {
  const { grant, lease, credential, cached } = access;
  return renderFacts(
    [
      ['grant', grant.id],
      ['access', `${grant.action} on ${grant.resource}${cached ? ' (shared: it was held already)' : ''}`],
      ['holder', grant.spiffeId],
      ['rules', grant.ruleIds.join(', ')],
      ['lease ends', timeText(lease.expiresAt, choice.now)],
      ['grant ends', timeText(grant.expiresAt, choice.now)],
      ...credentialFacts(credential, choice),
    ],
    paint,
  );
}

/** What was asked for beside resource and action. */
export type AccessWish = { readonly reason: string; readonly ttlMs: number | undefined };

/** What is said to whoever shares access and asked for another reason or lifetime than it has; undefined: nothing was lost. */
export function unheededText(access: Access, { reason, ttlMs }: AccessWish, now: UnixMs): string | undefined {
  const { grant, lease, cached } = access;
  if (!cached) return undefined;
  const held = grant.justification === '' ? 'without a reason' : `for "${grant.justification}"`;
  const end = distanceText(lease.expiresAt, now) ?? 'at an unknown time';
  const unheeded = [
    ...(reason === '' || reason === grant.justification ? [] : ['the reason given now is not recorded']),
    ...(ttlMs === undefined ? [] : [`--ttl changes nothing, its lease ends ${end}`]),
  ];
  if (unheeded.length === 0) return undefined;
  return `${grant.id} was held already, ${held}: ${unheeded.join('; ')}; --fresh asks for a grant of its own`;
}

/** Shortest lifetime that is surely renewed, in milliseconds: the sidecar begins at two thirds of it, and must not come late. */
const renewedTtlMsMin = 10_000;

/** Shortest lifetime that may be renewed, in milliseconds: at two thirds of it the broker must have 2 s left. */
const renewableTtlMsMin = 6_000;

/** What is said to whoever asked for a lifetime that may be over before it is renewed; undefined: it will be, or never is. */
export function briefTtlText(
  { grant, lease, cached }: Access,
  ttlMs: number | undefined,
): string | undefined {
  const isOurs = lease.renewable && !cached; // a shared lease has the lifetime that another asked for
  if (ttlMs === undefined || ttlMs >= renewedTtlMsMin || !isOurs) return undefined;
  const [asked, enough] = [ttlMs, renewedTtlMsMin].map(formatDurationMs);
  const [ends, isRenewed] = ttlMs < renewableTtlMsMin ? ['ends', 'is not'] : ['may end', 'may not be'];
  return `access by ${grant.id} ${ends} after ${asked}: so short a lease ${isRenewed} renewed; one of ${enough} is, until the grant ends`;
}

/** What the sidecar does with access: it renews only what lives long enough. */
export function keptText(access: Access, ttlMs: number | undefined): string {
  const isRenewed = access.lease.renewable && briefTtlText(access, ttlMs) === undefined;
  return isRenewed ? 'the sidecar holds and renews it' : 'the sidecar holds it until it ends';
}

function credentialFacts(
  { database, token }: Credential__Output,
  { showSecret }: SecretChoice,
): (readonly [string, Cell])[] {
  const secret = (text: string): Cell =>
    showSecret ? text : { text: 'hidden (--show-secret shows it)', paint: 'dim' };
  if (database) {
    return [
      ['host', database.host],
      ['port', String(database.port)],
      ['database', database.database],
      ['user', database.username],
      ['password', secret(database.password)],
      ['sslmode', database.sslmode],
    ];
  }
  return token ? [['token', secret(token.token)]] : [];
}
