import { toTimestamp } from '@stint/common/proto-time.ts';

/** A grant that the fake broker has given. */
export type FakeGrant = {
  readonly id: string;
  readonly leaseId: string;
  readonly holder: string;
  readonly resource: string;
  readonly action: string;
  readonly key: string;
  readonly bodySha256: string;
  readonly decidedAt: number;
  readonly hardExpiresAt: number;
  expiresAt: number;
  renewals: number;
  /** As the holder said it; undefined while the grant is active. */
  endedAs: string | undefined;
  isAcknowledged: boolean;
};

/** Whether a resource gives a database user, whose lease may be renewed, and no token. */
export function isRenewable({ resource }: Pick<FakeGrant, 'resource'>): boolean {
  return resource.endsWith('-db');
}

/** Grant and lease as a broker tells them. */
export function grantMessages(grant: FakeGrant) {
  const { id, resource, action, holder, endedAs } = grant;
  const state = endedAs === undefined ? 'active' : 'ending';
  return {
    grant: {
      id,
      resource,
      action,
      spiffeId: holder,
      state,
      decidedAt: toTimestamp(grant.decidedAt),
      expiresAt: toTimestamp(grant.hardExpiresAt),
      endReason: endedAs ?? '',
    },
    lease: {
      id: grant.leaseId,
      grantId: id,
      provider: isRenewable(grant) ? 'postgres' : 'jwt',
      state: endedAs === undefined ? 'active' : 'revoked',
      expiresAt: toTimestamp(grant.expiresAt),
      hardExpiresAt: toTimestamp(grant.hardExpiresAt),
      renewable: isRenewable(grant),
    },
  };
}

/** What a lease gives: the token, or a database user whose password tells the lease. */
export function credentialOf(grant: FakeGrant, token: string) {
  if (!isRenewable(grant)) return { token: { token, tokenType: 'Bearer' } };
  const database = {
    engine: 'postgresql',
    host: '127.0.0.1',
    port: 5_432,
    database: 'demo',
    username: grant.leaseId,
    password: `password-of-${grant.leaseId}`,
    sslmode: 'disable',
  };
  return { database };
}
