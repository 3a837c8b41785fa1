import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { Log } from '@stint/common/log.ts';
import { PrivateFileError } from '@stint/common/private-file.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import type { Secret } from '@stint/common/secret.ts';
import { parseSpiffeId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { openAttestedSvidSource, type SvidUpstream } from '@stint/common/svid-source.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { heldClock } from '../harness/held-clock.ts';
import { identityBroker, silentLog, trustDomain } from '../harness/identity-broker.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';

const workload = parseSpiffeId('spiffe://stint.test/ci/deploy');
const hourMs = 3_600_000;

/** A broker with its real CA and a workload's side that calls its use cases directly, both on one clock that stands. */
async function mesh(t: Scope) {
  const directory = tempDir(t);
  const clock = heldClock();
  const broker = await identityBroker({ directory, clock });
  broker.identities.set(workload, 'active');
  const trusted = { bundleDer: broker.ca.bundleDer };
  const faults: { before?: Error; afterAttest?: Error } = {};
  const calls: string[] = [];
  const upstream: SvidUpstream = {
    roots: () => Promise.resolve(trusted.bundleDer),
    attest: async (joinToken, csr) => {
      calls.push('attest');
      if (faults.before !== undefined) throw faults.before;
      const issued = await broker.attestWorkload.execute({ kind: 'joinToken', joinToken }, csr);
      if (faults.afterAttest !== undefined) throw faults.afterAttest;
      return issued;
    },
    rotate: ({ svid }, csr) => {
      calls.push('rotate');
      if (faults.before !== undefined) return Promise.reject(faults.before);
      return broker.rotateSvid.execute({ spiffeId: svid.spiffeId, svidSha256: svid.sha256 }, csr);
    },
  };
  const joinTokenFile = path.join(directory, 'join-token');
  const stateFile = path.join(directory, 'sidecar/svid.json');
  const writeToken = (token: Secret) =>
    writeFileSync(joinTokenFile, `${token.revealText()}\n`, { mode: 0o600 });
  const giveToken = async (spiffeId: SpiffeId = workload) => {
    const { token } = await broker.createJoinToken.execute({ spiffeId });
    writeToken(token);
    return token;
  };
  const open = (
    options: { spiffeId?: SpiffeId; keepState?: boolean; log?: Log } = {},
  ): Promise<RotatingSvidSource> =>
    openAttestedSvidSource({
      trustDomain,
      spiffeId: options.spiffeId,
      joinTokenFile,
      stateFile: options.keepState === false ? undefined : stateFile,
      upstream,
      clock,
      random: () => 0.5,
      log: options.log ?? silentLog,
    });
  return { trusted, broker, clock, faults, calls, joinTokenFile, stateFile, giveToken, writeToken, open };
}

const brokerIsDown = new ServiceError('BROKER_UNAVAILABLE', 'nobody answers');

describe("a workload's side", () => {
  it('attests with the token in the file, removes it, and keeps its SVID in a private file', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    assert.equal(source.current().svid.spiffeId, workload);
    assert.equal(existsSync(world.joinTokenFile), false);
    assert.equal(statSync(world.stateFile).mode & 0o777, 0o600);
  });

  it('keeps nothing on disk when it is told to', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open({ keepState: false });
    await source.attempt();
    assert.equal(existsSync(world.stateFile), false);
  });

  it('gets its SVID although the answer was lost: the same token with the same key', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    world.faults.afterAttest = brokerIsDown;
    await assert.rejects(source.attempt(), brokerIsDown);
    delete world.faults.afterAttest;
    await source.attempt();
    assert.equal(source.status().state, 'valid');
    assert.equal(world.broker.events.at(-1)?.data['replayed'], true);
  });

  it('rotates with a new key at half life and keeps the newest for the next process', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    const first = source.current().svid;
    world.clock.advance(hourMs / 2);
    await source.tick();
    const second = source.current().svid;
    assert.notEqual(second.sha256, first.sha256);
    assert.notEqual(second.privateKeyPem.revealText(), first.privateKeyPem.revealText());
    assert.equal((await world.open()).current().svid.sha256, second.sha256);
    assert.equal(world.broker.events.at(-1)?.actor.svid_sha256, first.sha256);
  });

  it('restarted, goes on with its SVID, without a token and without the broker', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const before = await world.open();
    await before.attempt();
    world.faults.before = brokerIsDown;
    const after = await world.open();
    assert.equal(after.current().svid.sha256, before.current().svid.sha256);
    await after.tick();
    assert.deepEqual(world.calls, ['attest']);
  });

  it('does not use a state file that others may have read, that is damaged, or that is of somebody else', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    await (await world.open()).attempt();
    const good = readFileSync(world.stateFile);
    const none = async (options = {}) => assert.equal((await world.open(options)).status().state, 'none');

    await none({ spiffeId: parseSpiffeId('spiffe://stint.test/ci/other') });
    chmodSync(world.stateFile, 0o644);
    await none();
    chmodSync(world.stateFile, 0o600);
    for (const bad of ['', '{', 'null', '{"v":2}', good.subarray(0, good.length / 2)]) {
      writeFileSync(world.stateFile, bad);
      await none();
    }
    const { certificates, ...rest } = JSON.parse(good.toString());
    writeFileSync(world.stateFile, JSON.stringify({ ...rest, certificates: [certificates[1]] }));
    await none();
    chmodSync(path.dirname(world.stateFile), 0o755);
    await assert.rejects(world.open(), PrivateFileError);
  });

  it('restarted after the root was made anew, does not hold on to the old SVID', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    await (await world.open()).attempt();
    const anew = await identityBroker({ directory: tempDir(t), clock: world.clock });
    world.trusted.bundleDer = anew.ca.bundleDer;
    assert.equal((await world.open()).status().state, 'none');
  });

  it('after sleeping past expiry comes back by a fresh token, and until then says what it needs', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    world.clock.advance(5 * hourMs);
    await source.tick();
    assert.deepEqual(world.calls, ['attest'], 'an expired SVID is not sent anywhere');
    assert.throws(
      () => source.current(),
      (e) =>
        isServiceError(e, 'IDENTITY_NOT_READY') &&
        e.message.includes(`the join token in "${world.joinTokenFile}" is missing`),
    );
    await world.giveToken();
    world.clock.advance(60_000);
    await source.tick();
    assert.equal(source.current().svid.spiffeId, workload);
  });

  it('after sleeping past expiry does not wait for a restart, and a restart does not help or harm', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    await (await world.open()).attempt();
    world.clock.advance(5 * hourMs);
    const restarted = await world.open();
    assert.equal(restarted.status().state, 'none');
    await world.giveToken();
    await restarted.tick();
    assert.equal(restarted.status().state, 'valid');
  });

  it('logs a refusal by its reason and what to do, at each try, and a fault that nobody foresaw whole', async (t) => {
    const world = await mesh(t);
    const spent = await world.giveToken();
    await (await world.open({ keepState: false })).attempt();
    world.writeToken(spent);
    const captured = capturedLog();
    const source = await world.open({ keepState: false, log: captured.log });
    for (let i = 0; i < 2; i++) await assert.rejects(source.attempt());
    await world.giveToken();
    world.faults.before = new Error('out of memory');
    await assert.rejects(source.attempt());
    const [first, again, unforeseen] = captured.lines;
    const detail = `the join token in "${world.joinTokenFile}" was not accepted by the broker, whose log says why: have the operator make one for this identity and write it there, mode 0600; it is read again at each try`;
    for (const line of [first, again]) {
      assert.deepEqual([line?.['reason'], line?.['detail']], ['IDENTITY_NOT_READY', detail]);
      assert.ok(!JSON.stringify(line).includes('    at '), 'a stack tells nothing about a token');
    }
    assert.match(JSON.stringify(unforeseen?.['error']), /out of memory.* {4}at /);
  });

  it('does not send a token again that was used or refused', async (t) => {
    const world = await mesh(t);
    const spent = await world.giveToken();
    const source = await world.open();
    await source.attempt();
    world.clock.advance(5 * hourMs);
    world.writeToken(spent);
    await assert.rejects(source.attempt(), /was used already/);
    const restarted = await world.open();
    await assert.rejects(restarted.attempt(), /was not accepted by the broker/);
    await assert.rejects(restarted.attempt(), /was not accepted by the broker/);
    assert.deepEqual(world.calls, ['attest', 'attest'], 'the first source sent it once, the second once');
  });

  it('refuses a token file that others may read or that holds something else', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    chmodSync(world.joinTokenFile, 0o644);
    const source = await world.open();
    await assert.rejects(source.attempt(), /others may read it; if nobody did, run chmod 0600/);
    chmodSync(world.joinTokenFile, 0o600);
    writeFileSync(world.joinTokenFile, 'my password');
    await assert.rejects(
      source.attempt(),
      (e) =>
        e instanceof Error && /has not the form of one/.test(e.message) && !e.message.includes('my password'),
    );
    assert.deepEqual(world.calls, []);
  });

  it('refuses to be somebody else than it is configured to be', async (t) => {
    const world = await mesh(t);
    const other = parseSpiffeId('spiffe://stint.test/bot/other');
    world.broker.identities.set(other, 'active');
    await world.giveToken(other);
    const source = await world.open({ spiffeId: workload });
    await assert.rejects(
      source.attempt(),
      /the SVID received is for "spiffe:\/\/stint\.test\/bot\/other", and spiffe:\/\/stint\.test\/ci\/deploy is expected here/,
    );
    assert.equal(source.status().state, 'none');
  });

  it('suspended, keeps its SVID until the end and then has none', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    world.broker.identities.set(workload, 'suspended');
    world.clock.advance(hourMs / 2);
    await source.tick();
    assert.match(source.status().failure ?? '', /is suspended/);
    assert.equal(source.status().state, 'valid');
    world.clock.advance(hourMs / 2);
    assert.throws(
      () => source.current(),
      (e) => isServiceError(e, 'IDENTITY_NOT_READY'),
    );
  });

  it('suspended, does not spend a fresh token for nothing', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    await world.giveToken();
    world.broker.identities.set(workload, 'suspended');
    await assert.rejects(source.attempt(), (e) => isServiceError(e, 'IDENTITY_SUSPENDED'));
    assert.deepEqual(world.calls, ['attest', 'rotate']);
  });

  it('whose rotation is refused uses a fresh token at once, without waiting for expiry', async (t) => {
    const world = await mesh(t);
    await world.giveToken();
    const source = await world.open();
    await source.attempt();
    const rotate = world.broker.rotateSvid;
    rotate.execute = () =>
      Promise.reject(new ServiceError('PEER_UNAUTHENTICATED', 'no acceptable X.509-SVID was presented'));
    world.clock.advance(hourMs / 2);
    await world.giveToken();
    await source.tick();
    assert.deepEqual(world.calls, ['attest', 'rotate', 'attest']);
    assert.equal(source.status().failure, undefined);
  });
});
