import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../cli-error.ts';
import { Output, type OutputFormat } from './output.ts';

function outputTo(format: OutputFormat, isTTY = false, { columns = 0, environment = {} } = {}) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    isTTY,
    columns,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const output = new Output({
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    format,
    environment: { NO_COLOR: '1', ...environment },
  });
  return { output, written };
}

const failure: Failure = {
  what: 'it\u001b broke',
  why: 'because',
  fix: 'mend it',
  reason: 'GRANT_DENIED',
  exitCode: 3,
  metadata: { resource: 'db' },
};

test('results go to stdout in the format asked for, and nothing else does', () => {
  const view = { json: { a: 1 }, table: () => 'A\n1\n' };
  for (const [format, expected] of [
    ['table', 'A\n1\n'],
    ['json', '{\n  "a": 1\n}\n'],
  ] as const) {
    const { output, written } = outputTo(format);
    output.result(view);
    output.warn('careful');
    output.fail(failure);
    assert.equal(written.stdout, expected);
    assert.notEqual(written.stderr, '');
  }
});

test('how far something is replaces itself on a terminal, and is told to nobody else', () => {
  const written = (isTTY: boolean, format: OutputFormat = 'table') => {
    const to = outputTo(format, isTTY);
    for (const text of ['1 of 2', '2 of 2\n', '']) to.output.progress(text);
    return to.written;
  };
  const clear = '\r\u001b[K';
  assert.deepEqual(written(true), { stdout: '', stderr: `${clear}1 of 2${clear}2 of 2\\u000a${clear}` });
  for (const silent of [written(false), written(true, 'json')])
    assert.deepEqual(silent, { stdout: '', stderr: '' });
});

test('a note takes the place of what was shown of progress', () => {
  const { output, written } = outputTo('table', true);
  output.progress('1 of 2');
  output.note('waiting');
  output.note('still');
  const clear = '\r\u001b[K';
  assert.equal(written.stderr, `${clear}1 of 2${clear}waiting\nstill\n`);
});

test('one of many results is one line of JSON', () => {
  const { output, written } = outputTo('json');
  output.item({ json: { a: [1, 2] }, table: () => '' });
  assert.equal(written.stdout, '{"a":[1,2]}\n');
});

test('a failure says what, why, what to do, and its code', () => {
  const { output, written } = outputTo('table');
  output.fail(failure);
  assert.equal(
    written.stderr,
    'error: it\\u001b broke\n  why: because\n  fix: mend it\n  code: GRANT_DENIED\n',
  );
});

test('a failure of many lines keeps them, each plain and below its name', () => {
  const { output, written } = outputTo('table');
  const why = 'read.cedar:2: unexpected token\n  permit(prin\u001bcipal;\n             ^\nfix: none';
  output.fail({ ...failure, what: 'no', why });
  assert.equal(
    written.stderr,
    [
      'error: no',
      '  why: read.cedar:2: unexpected token',
      '        permit(prin\\u001bcipal;',
      '                   ^',
      '      fix: none',
      '  fix: mend it',
      '  code: GRANT_DENIED\n',
    ].join('\n'),
  );
});

test('a failure shows the ids by which its record and its trace are found', () => {
  const { output, written } = outputTo('table');
  output.fail({ ...failure, metadata: { request_id: 'req_1', trace_id: 'ab' } });
  assert.match(written.stderr, /\n {2}code: GRANT_DENIED\n {2}request: req_1\n {2}trace: ab\n$/);
});

test('a failure is one line of JSON for programs', () => {
  const { output, written } = outputTo('json');
  output.fail(failure);
  assert.deepEqual(JSON.parse(written.stderr), {
    error: {
      what: 'it\u001b broke',
      why: 'because',
      fix: 'mend it',
      reason: 'GRANT_DENIED',
      exit_code: 3,
      metadata: { resource: 'db' },
    },
  });
  assert.equal(written.stderr.trimEnd().includes('\n'), false);
});

test('notes are for people at a terminal only', () => {
  for (const [format, isTTY, expected] of [
    ['table', true, 'next\n'],
    ['table', false, ''],
    ['json', true, ''],
  ] as const) {
    const { output, written } = outputTo(format, isTTY);
    output.note('next');
    assert.equal(written.stderr, expected);
  }
});

const hint = { ...failure, fix: 'try again; if it stays: stint status', reason: 'INTERNAL' as const };

test('a command line in a fix, a note or a warning is told as it is to be typed', () => {
  const environment = { npm_command: 'exec' };
  const byNpx = outputTo('table', true, { environment });
  byNpx.output.fail(hint);
  byNpx.output.note('it is held; give it back: stint release grt_1');
  byNpx.output.warn('see: stint grants show grt_1');
  assert.match(byNpx.written.stderr, /fix: try again; if it stays: npx stint status\n/);
  assert.match(byNpx.written.stderr, /^it is held; give it back: npx stint release grt_1$/m);
  assert.match(byNpx.written.stderr, /^stint: see: npx stint grants show grt_1$/m);
  const inJson = outputTo('json', false, { environment });
  inJson.output.fail(hint);
  assert.match(inJson.written.stderr, /"fix":"try again; if it stays: npx stint status"/);
});

test('what is said on a terminal takes 80 columns at most, and breaks no command line', () => {
  const id = 'grt_01m8167zc3v2e0q6j4s9d5n1wk';
  const why = `${'many words '.repeat(12)}end`;
  const fix = `see whether it did before you try again: stint grants show ${id}`;
  const say = ({ output, written }: ReturnType<typeof outputTo>) => {
    output.fail({ ...failure, why, fix });
    output.warn(`it is not yet certain that ${id} is over; the sidecar goes on: stint grants show ${id}`);
    output.note(why);
    return written.stderr;
  };
  const wide = say(outputTo('table', true, { columns: 200 }));
  assert.deepEqual(
    wide.split('\n').filter((line) => line.length > 80),
    [],
  );
  assert.match(
    wide,
    new RegExp(`^ +fix: see whether it did before you try again:\n {6}stint grants show ${id}$`, 'm'),
  );
  assert.match(wide, new RegExp(`^ {2}sidecar goes on: stint grants show ${id}$`, 'm'));
  const elsewhere = say(outputTo('table'));
  assert.match(elsewhere, /why: (many words ){12}end\n/);
});
