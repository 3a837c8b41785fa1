import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from './errors.ts';
import { createLog, type Log, type LogLevel } from './log.ts';
import { Secret } from './secret.ts';

function captured(level?: LogLevel): {
  log: Log;
  lines: () => Record<string, unknown>[];
  text: () => string;
} {
  const texts: string[] = [];
  const log = createLog({ service: 'broker', level, sink: { write: (line) => void texts.push(line) } });
  return { log, lines: () => texts.map((text) => JSON.parse(text)), text: () => texts.join('') };
}

test('a line is one JSON object with time, level, service and message', () => {
  const { log, lines } = captured();
  log.info({ grant_id: 'grt_1' }, 'grant ended');
  const [line] = lines();
  assert.equal(line?.['level'], 'info');
  assert.equal(line?.['service'], 'stint-broker');
  assert.equal(line?.['message'], 'grant ended');
  assert.equal(line?.['grant_id'], 'grt_1');
  assert.match(String(line?.['time']), /^\d{4}-.*Z$/);
});

test('secrets never reach a line: by type, by key, at any depth, in arrays and in URLs', () => {
  const { log, text } = captured();
  const secret = new Secret('hunter2');
  log.info({ secret, a: { b: [{ secret }] }, wrapped: new Map([['k', secret]]) }, 'x');
  const keys = [
    'password',
    'dbPassword',
    'join_token',
    'clientSecret',
    'authorization',
    'Authorization',
    'csr',
    'privateKeyPem',
    'cookie',
  ];
  for (const key of keys) log.info({ [key]: 'hunter2', deep: { [key]: ['hunter2'] } });
  log.error(
    new Error('connect postgres://app:hunter2@db:5432/x', { cause: new Error('amqp://u:hunter2@h') }),
  );
  log.info({ bytes: Buffer.from('hunter2') }, 'text postgres://app:hunter2@db');
  log.child({ password: 'hunter2' }).info('child');
  assert.doesNotMatch(text(), /hunter2/);
  assert.match(text(), /\[secret\]/);
});

test('an error is written with its reason, its facts, its stack and its causes', () => {
  const { log, lines } = captured();
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  log.warn(
    { error: new ServiceError('STORE_UNAVAILABLE', 'no commit', { metadata: { store: 'sqlite' }, cause }) },
    'x',
  );
  const error = lines()[0]?.['error'] as Record<string, unknown>;
  assert.equal(error['reason'], 'STORE_UNAVAILABLE');
  assert.deepEqual(error['metadata'], { store: 'sqlite' });
  assert.match(String(error['stack']), /log\.test/);
  assert.equal((error['cause'] as Record<string, unknown>)['code'], 'ECONNREFUSED');
});

test('an error is whole under whatever key it stands', () => {
  const { log, lines } = captured();
  const fault = new ServiceError('STORE_UNAVAILABLE', 'store: the commit failed', {
    cause: new Error('disk full'),
  });
  log.warn({ error: fault, err: fault, last_error: fault }, 'tried again');
  const [line] = lines() as Record<string, Record<string, unknown>>[];
  for (const key of ['error', 'err', 'last_error']) {
    assert.equal(line?.[key]?.['type'], 'ServiceError', key);
    assert.equal(line[key]['message'], 'store: the commit failed', key);
    assert.equal((line[key]['cause'] as Record<string, unknown>)['message'], 'disk full', key);
  }
});

test('control characters and line breaks of others never reach the line raw', () => {
  const { log, text, lines } = captured();
  const hostile = 'a\nb\u001b[31mred\u0000\r\u0085\u2028\u009b';
  log.info({ name: hostile }, hostile);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(text().trimEnd(), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  assert.equal(lines()[0]?.['name'], hostile);
});

test('what is deep, long, circular or hostile does not break the log', () => {
  const { log, lines } = captured();
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const throwing = Object.defineProperty({}, 'x', { enumerable: true, get: () => assert.fail('getter') });
  log.info(
    { circular, long: 'x'.repeat(100_000), throwing, many: Array.from({ length: 1_000 }, () => 1), big: 1n },
    'x',
  );
  assert.equal(lines().length, 1);
  assert.ok(JSON.stringify(lines()[0]).length < 10_000);
});

test('the level is the configured one; below it nothing is computed', () => {
  const { log, lines } = captured('warn');
  log.info('x');
  log.warn('y');
  assert.equal(lines().length, 1);
  assert.equal(log.isLevelEnabled('debug'), false);
});
