import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { EventDraft } from '@stint/common/audit-event.ts';
import type { EventData } from '@stint/common/event-table.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Ledger } from '../app/ports/ledger.ts';
import { CertificateAuthority } from '../ca/certificate-authority.ts';
import { openLocalSvidSource } from '../ca/local-svid-source.ts';
import type { Base } from './foundation.ts';

/**
 * Opens the CA and the broker's own SVID, which is rotated until it is stopped. Rotations are on record from `recordBy` on:
 * the ledger itself opens with the SVID.
 */
export async function openIdentity({ config, service, clock, trustDomain, spiffeId }: Base) {
  const { log } = service;
  const onRenewalFailure = (error: unknown) =>
    log.error({ error }, 'the issuing CA could not be renewed; it goes on until its end');
  const authority = await CertificateAuthority.open({
    directory: path.join(config.stateDir, 'ca'),
    trustDomain,
    clock,
    onRenewalFailure,
  });
  let ledger: Ledger | undefined;
  const svid = await openLocalSvidSource({
    issuer: authority,
    spiffeId,
    ttlMs: config.svidTtl,
    clock,
    random: Math.random,
    recordRotation: async (next, previous) => {
      await ledger?.commit({ events: [ownSvidRotated(spiffeId, next.sha256, previous.sha256)] });
    },
    onFailure: (error, nextAttemptAt) =>
      log.error({ error, next_attempt_at: nextAttemptAt }, "the broker's own SVID was not rotated"),
  });
  svid.start();
  return {
    authority,
    svid,
    recordBy: (opened: Ledger) => {
      ledger = opened;
    },
  };
}

/** Whoever reads the file sees the old roots or the new ones, never half. */
export async function publishTrustBundle(file: string, bundlePem: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.partial`, bundlePem);
  await rename(`${file}.partial`, file);
}

function ownSvidRotated(spiffeId: SpiffeId, svidSha256: string, previousSha256: string): EventDraft {
  const data = {
    cause: 'rotated',
    spiffe_id: spiffeId,
    svid_sha256: svidSha256,
    previous_svid_sha256: previousSha256,
  } satisfies EventData<'svid.issued'>;
  return { type: 'svid.issued', actor: { kind: 'broker', spiffe_id: spiffeId }, data };
}
