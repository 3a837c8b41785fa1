import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import type { EndReason } from '../../services/broker/domain/lease.ts';
import { createProgram } from '../../services/cli/program.ts';
import { skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { StintOnMesh } from '../harness/stint-on-mesh.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { typedIds } from './console-blocks.ts';

type CommandTree = { description(): string; readonly commands: readonly CommandTree[] };

/** Examples that a healthy demo mesh has nothing for, by how they begin, and why. */
const notForTheDemo: Readonly<Record<string, string>> = {
  'stint audit tail': 'goes on until somebody ends it',
  'stint audit gap skip': 'there is no gap',
  'stint audit quarantine show': 'nothing was refused',
  'stint audit quarantine dismiss': 'nothing was refused',
  'stint bus create --server': 'it is for a NATS server of your own',
  'nats-server': 'it is for a NATS server of your own',
  psql: 'it is for a PostgreSQL of your own',
};

const reasonAgainst = (example: string) =>
  Object.keys(notForTheDemo).find((beginning) => example.startsWith(beginning));

/** The examples of a command's help and of those below it, each once, as they are typed. */
function examplesOf(command: CommandTree): string[] {
  const [, shown = ''] = command.description().split('Examples:\n');
  const own = shown
    .split(/^ {2}\$ /m)
    .map((example) => example.trim())
    .filter((example) => example !== '');
  return [...new Set([...own, ...command.commands.flatMap(examplesOf)])];
}

const examples = examplesOf(createProgram('0', () => () => Promise.resolve()));

describe('the examples of the help', { skip: skipWithoutMesh }, () => {
  const scope = suiteScope();

  it('each work in the demo, but for those that it has nothing for', async (t) => {
    const cli = await StintOnMesh.start(scope);
    mkdirSync(path.join(cli.directory, 'kept'));
    copyFileSync(path.join(cli.directory, '.stint/log/log.vkey'), path.join(cli.directory, 'kept/log.vkey'));
    for (const example of examples) {
      if (reasonAgainst(example) !== undefined) continue;
      if (example.includes('psql') && findProgram('psql') === undefined) {
        t.diagnostic(`SKIPPED "${example}": psql is not installed`);
        continue;
      }
      const shell = spawn('bash', ['-c', `${await withRealIds(cli, example)} 2>&1`], {
        cwd: cli.directory,
        env: cli.environmentOf(),
      });
      const [printed] = await Promise.all([text(shell.stdout), once(shell, 'exit')]);
      assert.equal(shell.exitCode, 0, `$ ${example}\n${printed}`);
    }
  });
});

it('what the demo has nothing for is an example of the help', () => {
  for (const beginning of Object.keys(notForTheDemo))
    assert.ok(
      examples.some((example) => reasonAgainst(example) === beginning),
      beginning,
    );
});

/** Compiles only as long as it names every one. */
const endReasons = {
  completed: true,
  abandoned: true,
  expired: true,
  revoked: true,
  suspended: true,
  undelivered: true,
  creation_failed: true,
  outcome_unknown: true,
} as const satisfies Record<EndReason, true>;

it('every reason for which grants end is explained by the help of those who show it, and by the README', () => {
  const readme = readFileSync(path.join(repositoryRoot, 'services/cli/README.md'), 'utf8');
  for (const name of ['list', 'show']) {
    let help = '';
    const grants = createProgram('0', () => () => Promise.resolve()).commands.find(
      (sub) => sub.name() === 'grants',
    );
    const command = grants?.commands.find((sub) => sub.name() === name);
    command?.configureOutput({ writeOut: (shown) => (help += shown) }).outputHelp();
    for (const reason of Object.keys(endReasons)) {
      assert.ok(help.includes(`${reason}: `), `${reason} in the help of grants ${name}`);
      assert.ok(readme.includes(`\n| \`${reason}\` `), `${reason} in the README`);
    }
  }
});

/** The example with the ids of a grant that was just made in place of those that it shows. */
async function withRealIds(cli: StintOnMesh, example: string): Promise<string> {
  if (typedIds(example).length === 0) return example;
  const { grant, lease } = await cli.json(['request', 'demo-db', 'read', '--fresh']);
  const real: Readonly<Record<string, string>> = { grt: grant.id, req: grant.request_id, lse: lease.id };
  return typedIds(example).reduce((line, id) => line.replace(id, real[id.slice(0, 3)] ?? id), example);
}
