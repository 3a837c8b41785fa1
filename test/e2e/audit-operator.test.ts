import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import { systemClock } from '@stint/common/time.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import {
  type AuditBus,
  auditorPlace,
  connected,
  startAuditBus,
  startAuditorProcess,
} from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { TestBroker, testTrust } from '../harness/test-broker.ts';
import { until } from '../harness/until.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');
const hasty = [fileURLToPath(new URL('../fault/crashing-auditor.ts', import.meta.url))];
const deadlineMs = 20_000;

describe('the operator of an auditor that stands still', { skip: skipWithoutNats }, () => {
  const scope = suiteScope();
  let directory = '';
  let place: ReturnType<typeof auditorPlace>;
  /** Publishes another first event, signed by the same broker. */
  let publishOtherHistory: () => Promise<void>;

  const stint = async (...args: string[]) => {
    const where = ['--auditor-socket', place.socket, '--log-dir', place.logDir];
    const child = spawn(process.execPath, [launcher, ...args, ...where], {
      cwd: directory,
      // As npx runs it.
      env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', npm_command: 'exec' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { code: code as number, out, err };
  };

  before(async () => {
    directory = tempDir(scope);
    const trust = await testTrust(scope, systemClock);
    const auditBus = await startAuditBus(scope, trust, { brokers: ['b1'], viewers: [] });
    place = auditorPlace(scope);
    const environment = { SKIP_AFTER_MS: '0' };
    await startAuditorProcess(scope, { bus: auditBus, place, program: hasty, environment });
    await loseEvents(auditBus, await TestBroker.make(trust, 'b1', systemClock));
    await until('the gap is reported', deadlineMs, async () => {
      const { out } = await stint('audit', 'gap', 'list');
      return out === 'no gaps\n' ? undefined : out;
    });
  });

  /** Sends event 1 and events 4 to 6 of a broker, and something that is no batch. */
  async function loseEvents(auditBus: AuditBus, broker: TestBroker): Promise<void> {
    const link = await auditBus.link(broker.spiffeId);
    const other = broker.clone();
    publishOtherHistory = async () =>
      void (await auditBus.publish(link, { broker: other, batch: other.startEpoch() }));
    await auditBus.publish(link, { broker, batch: broker.startEpoch() });
    broker.fill(2);
    await auditBus.publish(link, { broker, batch: broker.fill(3) });
    await jetstream(await connected(link), { checkAPI: false }).publish('audit.b1', 'no batch');
  }

  it('sees where the log stands still, and where it could go on', async () => {
    const { out } = await stint('audit', 'gap', 'list');
    assert.match(out, /^broker +spiffe:\/\/stint\.local\/stint\/broker\/b1\nmissing from +event 2\n/);
    assert.match(out, /could go on at +event 4\n/);
    const { gaps } = JSON.parse((await stint('audit', 'gap', 'list', '-o', 'json')).out);
    const { missing_from, resume_at, blocked_by, waiting } = gaps[0];
    assert.deepEqual([missing_from, resume_at, blocked_by, waiting], [2, 4, null, 1]);
  });

  it('sees what was refused, takes its bytes out, and says that it is dealt with', async () => {
    assert.match((await stint('audit', 'quarantine', 'list')).out, /\n1 +malformed_message +audit\.b1 /);
    const shown = await stint('audit', 'quarantine', 'show', '1', '--out', 'refused.bin');
    assert.match(shown.out, /bytes +8, kept\nsha256 +[0-9a-f]{64}\ncame +once\n/);
    const file = path.join(directory, 'refused.bin');
    assert.equal(readFileSync(file, 'utf8'), 'no batch');
    assert.equal(statSync(file).mode & 0o077, 0);
    assert.equal(
      (await stint('audit', 'quarantine', 'show', '1', '--out', 'refused.bin')).code,
      1,
      'never in its place',
    );
    const words = ['--reason', 'a test of ours', '--by', 'ada'];
    assert.match(
      (await stint('audit', 'quarantine', 'dismiss', '1', ...words)).out,
      /^recorded in the log: record \d+\n/,
    );
    assert.equal((await stint('audit', 'quarantine', 'list')).out, 'nothing refused\n');
    assert.match((await stint('audit', 'quarantine', 'list', '--all')).out, /record \d+\n/);
  });

  it('goes on without what will not come, and from then on the log says so itself', async () => {
    const gap = ['spiffe://stint.local/stint/broker/b1', '--missing-from', '2', '--resume-at'];
    const words = ['--reason', 'its disk was lost', '--by', 'ada'];
    const other = await stint('audit', 'gap', 'skip', ...gap, '5', ...words);
    assert.equal(other.code, 1);
    const listing = `npx stint --auditor-socket ${place.socket} --log-dir ${place.logDir} audit gap list`;
    assert.ok(other.err.includes(`fix: ${listing}\n`), other.err);
    const unknown = gap.with(0, 'spiffe://stint.local/stint/broker/b9');
    const mistyped = await stint('audit', 'gap', 'skip', ...unknown, '4', ...words);
    assert.deepEqual([mistyped.code, /has sent nothing to this log/.test(mistyped.err)], [2, true]);
    const skipped = await stint('audit', 'gap', 'skip', ...gap, '4', ...words);
    assert.equal(skipped.code, 0);
    const index = /record (\d+)/.exec(skipped.out)?.[1] ?? '';
    assert.equal((await stint('audit', 'gap', 'list')).out, 'no gaps\n');
    const told = await stint('audit', 'list', '--type', 'log.gap');
    assert.match(
      told.out,
      /log\.gap_skipped .*reason="its disk was lost" missing_from=2 resume_at=4 operator=ada\n/,
    );
    await until('all of it is in a checkpoint', deadlineMs, async () => {
      const { out, code } = await stint('audit', 'verify', '-o', 'json');
      return JSON.parse(out).size === 8 && code === 21;
    });
    const known = await stint('audit', 'verify', '--known-skip', index);
    assert.equal(known.code, 0);
    assert.match(
      known.out,
      /^whole: 8 records .*\n {2}but for events 2 to 3 of .*b1, skipped by an operator/,
    );
  });

  it('is alarmed by the status of a broker that signed two histories', async () => {
    assert.doesNotMatch((await stint('status')).out, /ALARM/);
    await publishOtherHistory();
    const told = await until('the other history is refused', deadlineMs, async () => {
      const { out, code } = await stint('status');
      return out.includes('ALARM') ? { out, code } : undefined;
    });
    assert.equal(told.code, 1);
    assert.match(
      told.out,
      /auditor +ALARM +ALARM: spiffe:\/\/stint\.local\/stint\/broker\/b1 signed two histories .*: npx stint audit quarantine list/,
    );
    const { auditor } = JSON.parse((await stint('status', '-o', 'json')).out).parts;
    assert.deepEqual(auditor.equivocations, [
      { id: auditor.equivocations[0].id, broker: 'spiffe://stint.local/stint/broker/b1' },
    ]);
  });
});
