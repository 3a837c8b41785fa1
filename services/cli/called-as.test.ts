import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTyped, calledAs } from './called-as.ts';

test('what npx and npm start run is typed with npx, and what stands on the PATH without', () => {
  assert.equal(calledAs({ PATH: '/usr/bin' }), 'stint');
  assert.equal(calledAs({ npm_command: 'exec' }), 'npx stint');
  assert.equal(calledAs({ npm_command: 'start' }), 'npx stint');
});

test('every command line in a text of ours is told as it is to be typed', () => {
  for (const [text, typed] of [
    ['stint status', 'npx stint status'],
    ['try again; if it stays: stint status', 'try again; if it stays: npx stint status'],
    ['a (stint revoke) b', 'a (npx stint revoke) b'],
    ['Do.\n\nExamples:\n  $ stint a && stint b', 'Do.\n\nExamples:\n  $ npx stint a && npx stint b'],
  ] as const) {
    assert.equal(asTyped(text, 'npx stint'), typed);
    assert.equal(asTyped(typed, 'npx stint'), typed);
    assert.equal(asTyped(text, 'stint'), text);
  }
});

test('names that only look like the command stay as they are', () => {
  for (const text of [
    'Stint goes on',
    '/etc/stint x',
    'stint_broker logs in',
    'held for "stint run"',
    'spiffe://a/stint b',
  ])
    assert.equal(asTyped(text, 'npx stint'), text);
});

test('the flags that a command was told its services by stand in what is to be typed next', () => {
  const flags = ['--sidecar-socket', 'ci/$&.sock'];
  assert.equal(
    asTyped('x: stint release g', 'stint', flags),
    'x: stint --sidecar-socket ci/$&.sock release g',
  );
  assert.equal(asTyped('stint status', 'npx stint', flags), 'npx stint --sidecar-socket ci/$&.sock status');
});
