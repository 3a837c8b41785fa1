import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SignedBatch } from '@stint/common/audit-batch.ts';
import type { BusLink } from '@stint/common/nats.ts';
import { services } from '@stint/common/proto.ts';
import { systemClock } from '@stint/common/time.ts';
import { processesIn } from '../../deploy/servers/processes-in.ts';
import { verifyDirectory } from '../../services/auditor/verify-command.ts';
import {
  type AuditBus,
  type AuditorProcess,
  auditorPlace,
  connected,
  startAuditBus,
  startAuditorProcess,
} from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { TestBroker, type TestTrust, testTrust } from '../harness/test-broker.ts';
import { until } from '../harness/until.ts';

const crashing = [fileURLToPath(new URL('crashing-auditor.ts', import.meta.url))];

describe('events survive the death of any part', { skip: skipWithoutNats }, () => {
  const suite = suiteScope();
  let trust: TestTrust;
  before(async () => {
    trust = await testTrust(suite, systemClock);
  });

  /** A bus, a broker on it, and a place for an auditor; undone with the test. */
  async function parts(scope: Scope) {
    const auditBus = await startAuditBus(scope, trust, { brokers: ['b1'], viewers: [] });
    const broker = await TestBroker.make(trust, 'b1', systemClock);
    const link = await auditBus.link(broker.spiffeId);
    return { auditBus, broker, link, place: auditorPlace(scope) };
  }

  /** Sends as a relay does: again and again until the server has said that it has it. */
  async function send(
    at: { auditBus: AuditBus; link: BusLink; broker: TestBroker },
    batch: SignedBatch,
    attempt = 0,
  ): Promise<void> {
    const messageId = attempt === 0 ? {} : { messageId: `${Math.random()}` };
    try {
      await at.auditBus.publish(at.link, { broker: at.broker, batch, ...messageId });
    } catch {
      await send(at, batch, attempt + 1); // the bus was away: that is what the test is about
    }
  }

  async function recorded(auditor: AuditorProcess, batch: SignedBatch): Promise<void> {
    const { id: eventId } = JSON.parse(String(batch.events.at(-1))) as { id: string };
    await auditor.channel.call(
      services.audit.GetInclusionProof,
      { eventId, record: 'eventId', wait: true },
      { deadlineMs: 50_000 },
    );
  }

  function requireWhole(logDir: string, size: number): void {
    const verdict = verifyDirectory({ logDir });
    assert.deepEqual(verdict.findings.kept, []);
    assert.equal(verdict.size, size, 'every event once');
  }

  for (const step of ['before append', 'before acknowledge', 'before announce']) {
    test(`the auditor killed ${step}: after the restart every event is there once, and the log is whole`, async (t) => {
      const at = await parts(t);
      const doomed = await startAuditorProcess(t, {
        bus: at.auditBus,
        place: at.place,
        program: crashing,
        environment: { CRASH_AT: `${step} 3` },
      });
      const batches = [at.broker.startEpoch(), ...Array.from({ length: 20 }, () => at.broker.fill(3))];
      for (const batch of batches.slice(0, 3)) {
        await send(at, batch);
        // One turn for each, so that the third is the one it dies in.
        if (batch !== batches[2]) await recorded(doomed, batch);
      }
      assert.equal((await doomed.child.exited).signal, 'SIGKILL');
      for (const batch of batches.slice(3)) await send(at, batch);
      const auditor = await startAuditorProcess(t, { bus: at.auditBus, place: at.place });
      await recorded(auditor, batches.at(-1) as SignedBatch);
      requireWhole(at.place.logDir, 61);
    });
  }

  for (const step of ['before skip', 'after skip']) {
    test(`the auditor killed at "${step}": the gap is skipped once, or is still there to be skipped`, async (t) => {
      const at = await parts(t);
      const start = (crashAt: string) =>
        startAuditorProcess(t, {
          bus: at.auditBus,
          place: at.place,
          program: crashing,
          environment: { CRASH_AT: crashAt, SKIP_AFTER_MS: '0' },
        });
      const doomed = await start(`${step} 1`);
      await send(at, at.broker.startEpoch());
      at.broker.fill(2); // lost with the disk of its broker
      const later = at.broker.fill(3);
      await send(at, later);
      await assert.rejects(skip(doomed));
      assert.equal((await doomed.child.exited).signal, 'SIGKILL');
      const auditor = await start('');
      if (step === 'before skip') await skip(auditor);
      await recorded(auditor, later);
      const { findings, skips, size } = verifyDirectory({ logDir: at.place.logDir });
      assert.deepEqual([...findings.counts], [['skipped', 1]]);
      assert.deepEqual(
        skips.map(({ missingFrom, resumeAt, operator }) => [missingFrom, resumeAt, operator]),
        [[2, 4, 'ada']],
      );
      assert.equal(size, 1 + 2 + 3, 'the epoch, the auditor’s own two records, and what came later');
      assert.deepEqual((await auditor.channel.call(services.auditAdmin.ListGaps, {})).gaps, []);
    });
  }

  /** Waits until the gap is reported, and skips it as it is shown. */
  async function skip({ channel }: AuditorProcess): Promise<void> {
    const gap = await until('the gap is reported', 20_000, async () => {
      const { gaps } = await channel.call(services.auditAdmin.ListGaps, {});
      return gaps[0];
    });
    const { spiffeId, missingFrom, resumeAt = 0 } = gap;
    const words = { reason: 'its disk was lost', operator: 'ada' };
    await channel.call(services.auditAdmin.SkipGap, { spiffeId, missingFrom, resumeAt, ...words });
  }

  test('a disk without room for a checkpoint holds up receipts, not the auditor, which goes on once there is room', async (t) => {
    const at = await parts(t);
    const auditor = await startAuditorProcess(t, { bus: at.auditBus, place: at.place });
    const [first, second] = [at.broker.startEpoch(), at.broker.fill(3)];
    await send(at, first);
    await recorded(auditor, first);
    const signed = () => readFileSync(path.join(at.place.logDir, 'checkpoint'), 'utf8').split('\n')[1];
    assert.equal(signed(), '1');
    const copy = path.join(at.place.logDir, 'checkpoint.partial');
    symlinkSync('/dev/full', copy);
    await send(at, second);
    const logFile = path.join(path.dirname(at.place.socket), 'auditor.log');
    await until('the auditor says so', 10_000, () =>
      /no room is left on the disk of the log's directory/.test(readFileSync(logFile, 'utf8')),
    );
    const { size, outage } = await auditor.channel.call(services.audit.GetStatus, {});
    assert.deepEqual([size, /no room is left/.test(outage)], [4, true], 'it answers, and says so');
    assert.equal(signed(), '1', 'the public checkpoint is the old one, whole');
    unlinkSync(copy);
    await until('the public checkpoint covers all', 10_000, () => signed() === '4');
    requireWhole(at.place.logDir, 4);
  });

  test('nats-server killed again and again: every event is there once', async (t) => {
    const at = await parts(t);
    const auditor = await startAuditorProcess(t, { bus: at.auditBus, place: at.place });
    const batches = [at.broker.startEpoch()];
    await send(at, batches[0] as SignedBatch);
    for (let round = 0; round < 3; round++) {
      const sent = Array.from({ length: 30 }, () => at.broker.fill(2));
      batches.push(...sent);
      const sending = (async () => {
        for (const batch of sent) await send(at, batch);
      })();
      await at.auditBus.nats.crash();
      await at.auditBus.nats.restart();
      await sending;
    }
    await recorded(auditor, batches.at(-1) as SignedBatch);
    requireWhole(at.place.logDir, 181);
  });

  test('a bus that has lost acknowledged messages is noticed, and nothing new is passed over', async (t) => {
    const at = await parts(t);
    const auditor = await startAuditorProcess(t, { bus: at.auditBus, place: at.place });
    const early = [at.broker.startEpoch(), at.broker.fill(1)];
    for (const batch of early) await send(at, batch);
    await recorded(auditor, early[1] as SignedBatch);
    // A power cut takes the stream's tail and leaves the consumer's memory of it: fake it by putting back an older stream.
    const { directory, crash, stop, restart } = await stopAndFind(at.auditBus);
    const stream = path.join(directory, 'jetstream/AUDIT/streams/AUDIT/msgs');
    const kept = `${directory}-kept`;
    t.after(() => rmSync(kept, { recursive: true, force: true }));
    await crash();
    cpSync(stream, kept, { recursive: true });
    await restart();
    const lost = Array.from({ length: 40 }, () => at.broker.fill(1));
    for (const batch of lost) await send(at, batch);
    await recorded(auditor, lost.at(-1) as SignedBatch);
    // In order, so that the server writes down how far the consumer has come: after a crash it may know no more than the stream.
    await stop();
    rmSync(stream, { recursive: true });
    cpSync(kept, stream, { recursive: true });
    await restart();
    await connected(at.link);
    const fresh = Array.from({ length: 5 }, () => at.broker.fill(1));
    for (const batch of fresh) await send(at, batch);
    await recorded(auditor, fresh.at(-1) as SignedBatch);
    requireWhole(at.place.logDir, 2 + 40 + 5);
    const said = readFileSync(path.join(path.dirname(at.place.socket), 'auditor.log'), 'utf8');
    assert.match(said, /lost messages that it had acknowledged/);
  });

  test('a bus whose JetStream is off is told as a bus that is not there, with what to do, until it serves again', async (t) => {
    let isOff = false;
    const edit = (config: string) =>
      isOff ? config.replace(/^jetstream \{[^}]*\}$|^ +jetstream: enabled$/gm, '') : config;
    const auditBus = await startAuditBus(t, trust, { brokers: ['b1'], viewers: [], edit });
    const broker = await TestBroker.make(trust, 'b1', systemClock);
    const place = auditorPlace(t);
    const auditor = await startAuditorProcess(t, { bus: auditBus, place });
    const isServed = async () => (await auditor.channel.call(services.audit.GetStatus, {})).busConnected;
    const restart = async (off: boolean) => {
      isOff = off;
      await auditBus.nats.crash();
      await auditBus.nats.restart();
    };
    await until('it is served', 10_000, isServed);
    await restart(true);
    const logFile = path.join(path.dirname(place.socket), 'auditor.log');
    await until(
      'it says what to do',
      20_000,
      () =>
        /does not serve the log/.test(readFileSync(logFile, 'utf8')) &&
        /the disk of nats-server has room, and restart it/.test(readFileSync(logFile, 'utf8')),
    );
    assert.equal(await isServed(), false);
    await restart(false);
    await until('it is served again', 20_000, isServed);
    const link = await auditBus.link(broker.spiffeId);
    const batch = broker.startEpoch();
    await send({ auditBus, broker, link }, batch);
    await recorded(auditor, batch);
  });

  test('a second auditor on one log is refused, and the first goes on', async (t) => {
    const at = await parts(t);
    const auditor = await startAuditorProcess(t, { bus: at.auditBus, place: at.place });
    const second = { ...at.place, socket: auditorPlace(t).socket };
    await assert.rejects(
      startAuditorProcess(t, { bus: at.auditBus, place: second }),
      /in use by another process/,
    );
    const batch = at.broker.startEpoch();
    await send(at, batch);
    await recorded(auditor, batch);
  });
});

/** The server's folder is found by its process: the harness keeps it to itself. */
async function stopAndFind(auditBus: AuditBus) {
  const { nats } = auditBus;
  const { readlink } = await import('node:fs/promises');
  const directory = await readlink(`/proc/${nats.current().pid}/cwd`);
  assert.ok(processesIn(directory).length > 0);
  return {
    directory,
    crash: () => nats.crash(),
    stop: () => nats.current().stop(),
    restart: () => nats.restart(),
  };
}
