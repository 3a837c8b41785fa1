import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventTypes } from '@stint/common/event-table.ts';
import { CommanderError } from 'commander';
import { CliError, type Failure } from './cli-error.ts';
import { createProgram } from './program.ts';
import { runTyped } from './usage-error.ts';

const kinds = [...new Set(eventTypes.map((type) => type.replace(/\..*/, '.')))];

const run = () => () => Promise.resolve();

async function refusalOf(typed: readonly string[]): Promise<Failure> {
  const program = createProgram('0', run, { format: 'json' });
  const thrown = await runTyped(program, ['node', 'stint', ...typed], 'json').catch(
    (fault: unknown) => fault,
  );
  assert.ok(thrown instanceof CliError, String(thrown));
  return thrown.failure;
}

test('wrong usage says what, why, what to do, and its code, whatever is wrong', async () => {
  const use = (command: string) => `how it is used: stint ${command} --help`;
  const cases: readonly [string[], what: string, why: string, fix: string][] = [
    [
      ['stauts'],
      "unknown command 'stauts'",
      'there is no such command',
      'did you mean status? how it is used: stint --help',
    ],
    [
      ['request', 'demo-db', 'read', '--tll', '2m'],
      "unknown option '--tll'",
      'the command has no such option',
      `did you mean --ttl? ${use('request')}`,
    ],
    [
      ['exec', 'demo-db', 'read', 'psql', '-c', 'select 1'],
      "unknown option '-c'",
      'the command has no such option',
      `put the command to be run behind " -- "; ${use('exec')}`,
    ],
    [
      ['request', 'demo-db'],
      "missing required argument 'action'",
      'the command cannot do without it',
      use('request'),
    ],
    [
      ['revoke', 'grt_1'],
      "required option '--reason <text>' not specified",
      'the command cannot do without it',
      use('revoke'),
    ],
    [
      ['revoke'],
      "missing required argument 'grant', and required option '--reason <text>' not specified",
      'the command cannot do without it',
      use('revoke'),
    ],
    [
      ['help', 'stauts'],
      "unknown command 'stauts'",
      'there is no such command',
      'did you mean "status"? how it is used: stint --help',
    ],
    [['grants', 'help', 'bogus'], "unknown command 'bogus'", 'there is no such command', use('grants')],
    [
      ['request', 'demo-db', 'read', '--ttl'],
      "option '--ttl <duration>' argument missing",
      'the option takes a value',
      use('request'),
    ],
    [
      ['request', 'demo-db', 'read', '--ttl', 'so is invalid. soon'],
      "option '--ttl <duration>' argument 'so is invalid. soon' is invalid",
      'durations look like 90s, 15m, 1h30m',
      use('request'),
    ],
    [
      ['audit', 'list', '--type', 'zzz'],
      "option '--type <prefix>' argument 'zzz' is invalid",
      `no event type begins so: there are ${kinds.join(', ')}`,
      use('audit list'),
    ],
    [
      ['-o', 'xml', 'status'],
      "option '-o, --output <format>' argument 'xml' is invalid",
      'allowed choices are table, json',
      'how it is used: stint --help',
    ],
    [
      ['svid', 'mint', 'spiffe://stint.local/stint/nats', '--out', '/dev/null/x'],
      "option '--out <directory>' argument '/dev/null/x' is invalid",
      '"/dev/null/x" cannot be there: "/dev/null" is not a directory: name another',
      use('svid mint'),
    ],
    [
      ['bus', 'create', '--server', 'localhost', '--svid', '/dev/null'],
      "option '--svid <directory>' argument '/dev/null' is invalid",
      '"/dev/null" is not a directory: name another',
      use('bus create'),
    ],
    [
      ['grants', 'list', 'live'],
      "too many arguments for 'list'",
      'expected 0 arguments but got 1: live',
      `put words that belong together into quotes; ${use('grants list')}`,
    ],
    [['policy'], '"stint policy" is not a whole command', 'one of these follows: reload', use('policy')],
  ];
  for (const [typed, what, why, fix] of cases)
    assert.deepEqual(await refusalOf(typed), {
      what,
      why,
      fix,
      reason: 'USAGE',
      exitCode: 2,
      metadata: {},
    });
});

test('help and version end as commander ends them', async () => {
  const codeOf = async (...typed: string[]) => {
    const program = createProgram('0', run).configureOutput({
      writeOut: () => undefined,
      writeErr: () => undefined,
    });
    const thrown = await runTyped(program, ['node', 'stint', ...typed], 'table').catch(
      (fault: unknown) => fault,
    );
    assert.ok(thrown instanceof CommanderError);
    return thrown.exitCode;
  };
  assert.deepEqual([await codeOf('--help'), await codeOf('--version'), await codeOf()], [0, 0, 1]);
});
