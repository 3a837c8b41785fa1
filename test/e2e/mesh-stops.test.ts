import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import type { MeshPart } from '../../deploy/mesh/mesh.ts';
import { DevRun, pidOf, serversOf, stintOn } from '../harness/dev-run.ts';
import { processesNaming } from '../harness/mesh-under-test.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';

const options = { skip: skipWithoutNats || skipWithoutPostgres, timeout: 120_000 };
const state = path.join(tempDir({ after }), '.stint');

/** Longest that a stop may take, in milliseconds: what the mesh gives itself, and a busy machine. */
const stopMsMax = 12_000 + 8_000;

/** Presses Ctrl-C, again when asked for, and waits for the end. Returns the exit code. */
async function stop(dev: DevRun, { againAfter }: { againAfter?: string } = {}): Promise<number | null> {
  const begun = performance.now();
  dev.process.kill('SIGINT');
  await dev.printed('Stopping');
  if (againAfter !== undefined) {
    await dev.printed(againAfter);
    dev.process.kill('SIGINT');
  }
  const code = await dev.exited();
  const tookMs = performance.now() - begun;
  assert.ok(tookMs < stopMsMax, `the stop took ${tookMs} ms:\n${dev.output}`);
  assert.deepEqual([...serversOf(state), ...processesNaming(state)], [], dev.output);
  dev.assertFits();
  return code;
}

/** A mesh with a user at the demo database, of which one part hangs from now on. */
async function meshWithHungPart(part: MeshPart): Promise<DevRun> {
  const dev = new DevRun(state);
  await dev.printed('The mesh is up');
  await stintOn(state, 'request', 'demo-db', 'read', '--fresh', '--reason', 'the mesh stops');
  process.kill(pidOf(state, part), 'SIGSTOP');
  return dev;
}

for (const when of ['Starting a mesh', '● nats']) {
  test(
    `Ctrl-C at "${when}" is answered, ends the start without a fault and leaves nothing`,
    options,
    async () => {
      const dev = new DevRun(state);
      await dev.printed(when);
      assert.equal(await stop(dev), 0, dev.output);
      assert.match(dev.output, /\nStopping\.\n/);
      assert.doesNotMatch(dev.output, /✗|Error|The mesh is up/);
      assert.match(dev.output, /\nStopped: no process is left\.\n$/);
    },
  );
}

test(
  'Ctrl-C while the broker hangs says what it waits for, what is left, and the next start ends that before anybody can ask',
  options,
  async () => {
    const dev = await meshWithHungPart('broker');
    assert.equal(await stop(dev), 1, dev.output);
    assert.match(dev.output, /Stopping; Ctrl-C again ends at once what still runs\.\n/);
    assert.match(dev.output, /still waiting for the broker to stop: \ds more at most; Ctrl-C ends it now\n/);
    const next = `npm start -- --state-dir ${state}`;
    assert.match(
      dev.output,
      new RegExp(
        `Stopped: no process is left\\.\nUsers left in the demo database: stint_b1_\\w+\\.\n.*the next start ends them:\n  ${next}\n$`,
      ),
    );
    const again = new DevRun(state, ['--once']);
    assert.equal(await again.exited(), 0, again.output);
    assert.match(again.output, /\n {2}revoked grants of an earlier run: 1\n(?:.*\n)* {2}● sidecar /);
    assert.match(again.output, /no process and no database user is left/);
  },
);

test(
  'Ctrl-C while postgresql hangs says that its users may be left, and what ends them',
  options,
  async () => {
    const dev = await meshWithHungPart('postgresql');
    assert.equal(await stop(dev), 1, dev.output);
    assert.match(dev.output, /still waiting for postgresql to stop/);
    assert.match(dev.output, /Users stint_b1_… may be left .* could not be asked\.\n.*the next start ends/);
  },
);

for (const [part, name] of [
  ['auditor', 'the auditor'],
  ['nats', 'nats'],
] as const) {
  test(`Ctrl-C while ${name} hangs says so and leaves nothing`, options, async () => {
    const dev = await meshWithHungPart(part);
    assert.equal(await stop(dev), 0, dev.output);
    assert.match(dev.output, new RegExp(`still waiting for ${name} to stop: \\ds more at most`));
    assert.match(dev.output, /Stopped: no process and no database user is left\.\n$/);
  });
}

test('a second Ctrl-C ends at once what still runs, and what may be left is said', options, async () => {
  const dev = await meshWithHungPart('broker');
  assert.equal(await stop(dev, { againAfter: 'still waiting for' }), 1, dev.output);
  assert.equal(dev.output.match(/still waiting for/g)?.length, 1, dev.output);
  assert.match(dev.output, /Stopped: no process is left\.\nUsers stint_b1_… may be left/);
});

test('a mesh whose terminal is closed stops in order', options, async () => {
  const dev = new DevRun(state);
  await dev.printed('The mesh is up');
  dev.process.stdout?.destroy();
  dev.process.kill('SIGHUP');
  assert.equal(await dev.exited(), 0, dev.output);
  assert.deepEqual([...serversOf(state), ...processesNaming(state)], []);
});
