import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChildStartError } from '../../../deploy/servers/child.ts';
import { faultText } from './start-fault.ts';

const head = 'broker: ended at start with code 1; its log is /srv/broker.log';

test('a service that could not start is told by its own fault, line by line and without its stack', () => {
  const message = 'bundle: policies/read.cedar:2: unexpected token\n  permit(principal;\n                  ^';
  const lines = [
    '{"level":"info","message":"starting"}',
    JSON.stringify({
      level: 'fatal',
      error: { message, stack: 'Error: at x.ts:1' },
      message: 'cannot go on',
    }),
    '{"level":"info","message":"broker stopped"}',
  ];
  assert.equal(
    faultText(new ChildStartError(head, lines)),
    [
      head,
      '  bundle: policies/read.cedar:2: unexpected token',
      '    permit(principal;',
      '                    ^',
    ].join('\n'),
  );
});

test('what a service says can be done about it is repeated', () => {
  const line = JSON.stringify({ level: 'fatal', error: { message: 'port in use' }, fix: 'stop the other' });
  assert.equal(faultText(new ChildStartError(head, [line])), `${head}\n  port in use\n  fix: stop the other`);
});

test('a server that says nothing of that kind is told by its last lines', () => {
  const fault = new ChildStartError(head, ['nats: bad config', '{"level":"fatal","error":']);
  assert.equal(faultText(fault), fault.message);
  assert.equal(faultText(new Error('disk full')), 'disk full');
});
