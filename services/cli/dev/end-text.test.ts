import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf } from '../terminal/wrap-text.ts';
import { endText } from './end-text.ts';

const left = [
  { name: 'nats-server', pid: 41 },
  { name: 'auditor', pid: 42 },
];

test('nothing is said to be left when nothing is', () => {
  assert.equal(
    endText({ left: [], users: [] }, '.stint'),
    'Stopped: no process and no database user is left.',
  );
});

test('processes that are left are named with their ids, and never said to be gone', () => {
  const text = endText({ left, users: [] }, '.stint');
  assert.match(text, /^Killed, and still there: nats-server \(process 41\), auditor \(process 42\)\.\n/);
  assert.match(text, /ps -fp 41 42$/);
  assert.doesNotMatch(text, /Stopped|no process/);
});

test('users that are left are named, with the command that ends them on a line of its own', () => {
  const users = ['stint_b1_one', 'stint_b1_two'];
  assert.equal(
    endText({ left: [], users }, 'my state'),
    [
      'Stopped: no process is left.',
      'Users left in the demo database: stint_b1_one, stint_b1_two.',
      'Nobody can log in while it is stopped; the next start ends them:',
      "  npm start -- --state-dir 'my state'",
    ].join('\n'),
  );
});

test('names that others gave drive no terminal', () => {
  const end = { left: [{ name: 'a\u001b[2J', pid: 41 }], users: ['b\u202e'] };
  assert.deepEqual(endText(end, 'c\u0007').split('\n'), [
    'Killed, and still there: a\\u001b[2J (process 41).',
    'See what keeps it: ps -fp 41',
    'Users left in the demo database: b\\u202e.',
    'The next start ends them:',
    "  npm start -- --state-dir 'c\\u0007'",
  ]);
});

test('that users could not be asked for is said, and that nobody can log in only of a database that is stopped', () => {
  const stopped = endText({ left: [], users: 'unknown' }, '.stint');
  assert.match(stopped, /\nUsers stint_b1_… may be left .*\nNobody can log in/);
  assert.match(stopped, /\n {2}npm start$/);
  const running = endText({ left: [{ name: 'PostgreSQL', pid: 43 }], users: 'unknown' }, '.stint');
  assert.doesNotMatch(running, /Nobody can log in/);
  assert.match(running, /\nThe next start ends them:\n {2}npm start$/);
});

test('no line is longer than 80 columns', () => {
  for (const users of [[], ['a'.repeat(37), 'b'.repeat(37), 'c'.repeat(37)], 'unknown'] as const)
    for (const line of endText({ left, users }, '.stint').split('\n')) assert.ok(columnsOf(line) <= 80, line);
});
