import { createLog } from '@stint/common/log.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { openStore } from '../../services/broker/store/open-store.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { testDomain } from '../harness/test-broker.ts';
import { type AppendFigures, measureAppend } from './audit-append.ts';
import { type Figure, figureOf } from './figure.ts';
import { measureJwtSign } from './jwt-sign.ts';
import { measureLedger } from './ledger.ts';
import { benchTarget, measurePostgresLeases } from './postgres-lease.ts';

const rounds = 3;
const signMs = 700;
const ledgerMs = 1_000;
const leaseMs = 1_500;
const leaseConnections = 4;

/** What the auditor does with batches of sixteen events, beside writing and flushing the same bytes; then verifying them. */
export async function measureAudit(): Promise<Figure[]> {
  const taken: AppendFigures[] = [];
  for (let i = 0; i < rounds; i++) taken.push(await measureAppend());
  const append = figureOf(
    { name: 'audit.append.b16', unit: 'events/s', better: 'higher' },
    taken.map(({ appendRate }) => appendRate),
    taken.map(({ rawRate }) => rawRate),
  );
  const verify = figureOf(
    { name: 'audit.verify', unit: 'events/s', better: 'higher' },
    taken.map(({ verifyRate }) => verifyRate),
  );
  return [append, verify];
}

/** A token signed by the provider, beside the bare signature of as many bytes; on one core. */
export function measureSigning(): Promise<Figure[]> {
  return inScope(async (scope) => {
    const taken: Awaited<ReturnType<typeof measureJwtSign>>[] = [];
    for (let i = 0; i < rounds; i++) taken.push(await measureJwtSign(scope, signMs));
    const figure = figureOf(
      { name: 'jwt.sign', unit: '/s', better: 'higher' },
      taken.map(({ rate }) => rate),
      taken.map(({ bareRate }) => bareRate),
    );
    return [figure];
  });
}

/** Grants committed by the broker's store alone, 64 in flight: rows, sealed events and one flush of the disk a batch. */
export function measureStore(): Promise<Figure[]> {
  return inScope(async (scope) => {
    const options = {
      name: 'b1',
      spiffeId: stintIds.broker(testDomain, 'b1'),
      clock: systemClock,
      log: createLog({ service: 'bench', level: 'silent' }),
      certifyEpoch: () => ({}),
    };
    const store = await openStore({ store: 'sqlite', stateDir: tempDir(scope) }, options);
    scope.after(() => store.close());
    const rates: number[] = [];
    for (let i = -1; i < rounds; i++) {
      const { rate } = await measureLedger(store.ledger, 64, ledgerMs);
      if (i >= 0) rates.push(rate);
    }
    return [figureOf({ name: 'ledger.sqlite.c64', unit: '/s', better: 'higher' }, rates)];
  });
}

/** The PostgreSQL provider without the mesh: create, contain and remove, beside CREATE ROLE and DROP ROLE. */
export function measureProvider(): Promise<Figure[]> {
  return inScope(async (scope) => {
    const target = await benchTarget(scope);
    const { whole, bareWhole } = await measurePostgresLeases(target, {
      connections: leaseConnections,
      durationMs: leaseMs,
    });
    const kind = { name: 'provider.postgres.rate', unit: '/s', better: 'higher' } as const;
    return [figureOf(kind, [whole.rate], [bareWhole.rate])];
  });
}

async function inScope<T>(
  work: (scope: { after(undo: () => void | Promise<void>): void }) => Promise<T>,
): Promise<T> {
  const undo: (() => void | Promise<void>)[] = [];
  try {
    return await work({ after: (step) => undo.push(step) });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
