import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { heldClock } from '../../../test/harness/held-clock.ts';
import { watchInterruptions } from './interruptions.ts';

/** A process that gets signals, and what is wanted of it: `stop`, `kill` or nothing. */
function watch() {
  const process = Object.assign(new EventEmitter(), { stdout: new EventEmitter() });
  const clock = heldClock(1_000);
  process.stdout.on('error', (fault) => assert.fail(fault));
  const { stop, kill } = watchInterruptions(process as never, clock);
  const wanted = () => (kill.aborted ? 'kill' : stop.aborted ? 'stop' : undefined);
  return { process, clock, wanted };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  test(`${signal} asks for the stop, and again for the end at once`, () => {
    const { process, clock, wanted } = watch();
    assert.equal(wanted(), undefined);
    process.emit(signal);
    assert.equal(wanted(), 'stop');
    clock.advance(400);
    process.emit(signal);
    assert.equal(wanted(), 'kill');
  });

test('one Ctrl-C that comes twice, from the terminal and from npm, is one', () => {
  const { process, clock, wanted } = watch();
  process.emit('SIGINT');
  clock.advance(20);
  process.emit('SIGINT');
  assert.equal(wanted(), 'stop');
});

test('output that nobody takes any more asks for the stop, however often it fails', () => {
  const { process, clock, wanted } = watch();
  for (const code of ['EPIPE', 'EIO']) {
    process.stdout.emit('error', Object.assign(new Error(code), { code }));
    assert.equal(wanted(), 'stop');
    clock.advance(1_000);
  }
});
