import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { ConfigSpec, OptionTable } from '../config-types.ts';
import type { Secret } from '../secret.ts';
import { optionHelp, optionMarkdown } from './option-text.ts';
import { type ConfigInput, checkedText, parseConfig } from './parse-config.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'stint-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const options = {
  meshListen: { type: 'address', default: '127.0.0.1:7443', doc: 'Where sidecars connect.' },
  store: { type: 'enum', values: ['sqlite', 'postgresql'], default: 'sqlite', doc: 'The store.' },
  svidTtl: { type: 'duration', default: '1h', min: '1m', max: '24h', doc: 'Life of an SVID.' },
  backlogMax: {
    type: 'integer',
    default: 1_000,
    min: 1,
    max: 10_000,
    unit: 'events',
    doc: 'Largest backlog.',
  },
  dataDir: { type: 'path', place: 'new directory', doc: 'Where state is kept.' },
  databasePassword: { type: 'secretFile', optional: true, doc: 'File with the password.' },
  name: { type: 'string', default: 'b1', pattern: /^[a-z0-9]+$/, lengthMax: 8, doc: 'Name of the broker.' },
  witnesses: { type: 'list', default: [], pattern: /^[a-z.]+$/, itemsMax: 2, doc: 'Witnesses.' },
  exitWithParent: { type: 'boolean', default: false, doc: 'End with the parent.' },
  note: { type: 'string', optional: true, doc: 'Free | text.' },
} as const satisfies OptionTable;
const spec: ConfigSpec<typeof options> = { service: 'broker', summary: 'decides', options };

function parse(input: Partial<ConfigInput>) {
  return parseConfig(spec, { args: [], environment: {}, directory, ...input });
}

function run(input: Partial<ConfigInput>) {
  const outcome = parse({ ...input, args: ['--data-dir', 'state', ...(input.args ?? [])] });
  assert.equal(outcome.kind, 'run', outcome.kind === 'print' ? outcome.text : '');
  return outcome.kind === 'run' ? outcome.config : assert.fail();
}

function faults(input: Partial<ConfigInput>): string {
  const outcome = parse({ ...input, args: ['--data-dir', 'state', ...(input.args ?? [])] });
  if (outcome.kind !== 'print') return assert.fail('it was accepted');
  assert.equal(outcome.exitCode, 2);
  return outcome.text;
}

function file(name: string, text: string, mode = 0o600): string {
  const full = path.join(directory, name);
  writeFileSync(full, text);
  chmodSync(full, mode);
  return full;
}

describe('a configuration', () => {
  test('is made of defaults in units that code works with, absolute paths, and is frozen', () => {
    const config = run({});
    assert.deepEqual(
      { ...config },
      {
        meshListen: { host: '127.0.0.1', port: 7_443 },
        store: 'sqlite',
        svidTtl: 3_600_000,
        backlogMax: 1_000,
        dataDir: path.join(directory, 'state'),
        databasePassword: undefined,
        name: 'b1',
        witnesses: [],
        exitWithParent: false,
        note: undefined,
      },
    );
    assert.ok(
      Object.isFrozen(config) && Object.isFrozen(config.meshListen) && Object.isFrozen(config.witnesses),
    );
  });

  test('has its types from the table', () => {
    const config = run({});
    const store: 'sqlite' | 'postgresql' = config.store;
    const password: Secret | undefined = config.databasePassword;
    const ttl: number = config.svidTtl;
    assert.deepEqual([store, password, ttl], ['sqlite', undefined, 3_600_000]);
  });

  test('takes a flag before a variable, a variable before the file, the file before the default', () => {
    const config = file(
      'c.json',
      '{"name":"file","store":"postgresql","backlogMax":5,"exitWithParent":true,"witnesses":["a"]}',
    );
    const environment = {
      STINT_BROKER_NAME: 'env',
      STINT_BROKER_BACKLOG_MAX: '6',
      STINT_SIDECAR_NAME: 'other',
      PATH: 'x',
    };
    const result = run({ args: ['--config', config, '--name=flag'], environment });
    assert.deepEqual([result.name, result.backlogMax, result.store], ['flag', 6, 'postgresql']);
    assert.deepEqual([result.exitWithParent, result.witnesses], [true, ['a']]);
  });

  test('switches booleans both ways by flag', () => {
    assert.equal(run({ args: ['--exit-with-parent'] }).exitWithParent, true);
    const environment = { STINT_BROKER_EXIT_WITH_PARENT: 'true' };
    assert.equal(run({ environment, args: ['--no-exit-with-parent'] }).exitWithParent, false);
  });

  test('reads a secret without its last newline, and never prints it', () => {
    const secret = file('password', 'hunter2\n');
    const args = ['--database-password', secret];
    assert.equal(run({ args }).databasePassword?.revealText(), 'hunter2');
    const printed = parse({ args: [...args, '--data-dir', '.', '--print-config'] });
    assert.ok(printed.kind === 'print' && printed.exitCode === 0);
    assert.match(printed.text, /"databasePassword": "\[secret\]"/);
    assert.doesNotMatch(printed.text, /hunter2/);
  });

  test('takes a relative path in the file from where the file is', () => {
    file('rel-password', 'x');
    const config = file('r.json', '{"databasePassword":"rel-password"}');
    assert.equal(
      run({ directory: tmpdir(), args: ['--config', config] }).databasePassword?.revealText(),
      'x',
    );
  });
});

describe('a service does not start', () => {
  test('with anything wrong, and every fault is named with its place and its cure', () => {
    const config = file('bad.json', '{"svidTtl":"2d","nmae":"x","backlogMax":"many"}');
    const environment = { STINT_BROKER_MESH_LISTEN: 'nowhere', STINT_BROKER_MESH_LISTEM: 'x' };
    const outcome = parse({
      args: ['--config', config, '--store', 'mysql', '--frobnicate', 'stray'],
      environment,
    });
    assert.ok(outcome.kind === 'print' && outcome.exitCode === 2);
    const lines = outcome.text.trim().split('\n');
    assert.match(lines.shift() ?? '', /broker does not start: 9 faults/);
    const expected = [
      /--frobnicate: unknown flag/,
      /"stray" on the command line/,
      /"nmae" in .*bad\.json: unknown option/,
      /STINT_BROKER_MESH_LISTEM in the environment: unknown option/,
      /STINT_BROKER_MESH_LISTEN: it must be host:port/,
      /--store: it must be one of sqlite, postgresql/,
      /"svidTtl" in .*: it must be a duration .* from 1m to 1d/,
      /"backlogMax" in .*: it must be a whole number from 1 to 10000 events/,
      /dataDir: it must be set: by --data-dir, STINT_BROKER_DATA_DIR or "dataDir" in the file/,
    ];
    for (const line of expected)
      assert.ok(
        lines.some((found) => line.test(found)),
        `${line} in\n${outcome.text}`,
      );
    assert.equal(lines.length, expected.length);
  });

  const wrong: Record<string, [string[], RegExp]> = {
    'a flag without its value': [['--name'], /--name: a value must follow/],
    'a text that does not match': [['--name', 'B 1'], /must match/],
    'a text that is too long': [['--name', 'abcdefghi'], /at most 8 characters/],
    'a number below its least': [['--backlog-max', '0'], /from 1 to 10000 events/],
    'a fraction': [['--backlog-max', '1.5'], /whole number/],
    'a port that does not exist': [['--mesh-listen', 'h:70000'], /host:port/],
    'too many items': [['--witnesses', 'a,b,c'], /at most 2 items/],
    'a negated flag that is no boolean': [['--no-name'], /--no-name: unknown flag/],
    'a file that is not there': [
      ['--config', 'missing.json'],
      /missing\.json: the file of --config cannot be read \(ENOENT\): name one/,
    ],
    'a secret file that is not there': [
      ['--database-password', 'missing'],
      /--database-password: ".*missing" does not exist: make it, mode 0600, or name another/,
    ],
    'a place that cannot be written': [
      ['--data-dir', '/proc/x'],
      /--data-dir: nothing can be written in "\/proc"/,
    ],
  };
  for (const [what, [args, fault]] of Object.entries(wrong)) {
    test(`with ${what}`, () => assert.match(faults({ args }), fault));
  }

  test('with a file that is not one JSON object', () => {
    assert.match(faults({ args: ['--config', file('list.json', '[]')] }), /one JSON object/);
    assert.match(faults({ args: ['--config', file('text.json', '{')] }), /not JSON/);
    assert.match(
      faults({ args: ['--config', file('proto.json', '{"__proto__":{}, "constructor": 1}')] }),
      /unknown option/,
    );
  });

  test('with a secret file that every user may read, or that is empty', () => {
    assert.match(
      faults({ args: ['--database-password', file('open', 'x', 0o644)] }),
      /open to every user: run chmod/,
    );
    assert.match(faults({ args: ['--database-password', file('empty', '\n')] }), /is empty/);
  });
});

test('--help, --check-config and the documentation name every option', () => {
  const help = parse({ args: ['--help'] });
  assert.ok(help.kind === 'print' && help.exitCode === 0);
  assert.equal(help.text, optionHelp(spec));
  for (const flag of [
    '--mesh-listen',
    '--svid-ttl',
    'STINT_BROKER_SVID_TTL',
    'duration, 1m to 24h',
    'must be set',
  ]) {
    assert.ok(help.text.includes(flag), flag);
  }
  const [checked, running] = [['--check-config'], []].map((args) =>
    parse({ args: [...args, '--data-dir', '.'] }),
  );
  assert.deepEqual(checked, { ...running, kind: 'check' });
  assert.deepEqual(checkedText('broker', []), {
    kind: 'print',
    text: 'configuration is good\n',
    exitCode: 0,
  });
  assert.deepEqual(checkedText('broker', ['no key']), {
    kind: 'print',
    text: 'stint broker does not start: one fault in its configuration\n  no key\n',
    exitCode: 2,
  });
  const rows = optionMarkdown(spec).trim().split('\n');
  assert.equal(rows.length, 2 + Object.keys(options).length);
  assert.match(rows.at(-1) ?? '', /Free \\\| text/);
});
