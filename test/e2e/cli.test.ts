import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { formatVerifierKey } from '@stint/common/signed-note.ts';
import pg from 'pg';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import { createProgram } from '../../services/cli/program.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { StintOnMesh } from '../harness/stint-on-mesh.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';
import { consoleCommands, grantIds, timeless, typedIds } from './console-blocks.ts';

const noKey = path.join(repositoryRoot, 'README.md');

const readme = readFileSync(path.join(repositoryRoot, 'services/cli/README.md'), 'utf8');

type CommandTree = { name(): string; readonly commands: readonly CommandTree[] };

describe('stint on a real mesh', { skip: skipWithoutPostgres || skipWithoutNats }, () => {
  const scope = suiteScope();
  let cli: StintOnMesh;

  before(async () => {
    cli = await StintOnMesh.start(scope);
  });

  it('prints for every command of its README what the README shows', async (t) => {
    const ids = new Map<string, string>();
    let lastCode: number | null = 0;
    for (const { line, output, needs } of consoleCommands(readme)) {
      const missing = needs.filter((program) => findProgram(program) === undefined);
      if (missing.length > 0) {
        t.diagnostic(`SKIPPED "${line}": ${missing.join(', ')} is not installed`);
        continue;
      }
      if (line === 'echo $?') {
        assert.deepEqual(output, [String(lastCode)], `after the command above ${line}`);
        continue;
      }
      const typed = typedIds(line).reduce((text, id) => text.replace(id, ids.get(id) ?? id), line);
      const shell = spawn('bash', ['-c', `${typed} 2>&1`], { cwd: cli.directory, env: cli.environmentOf() });
      const [printed] = await Promise.all([text(shell.stdout), once(shell, 'exit')]);
      lastCode = shell.exitCode;
      const shown = printed
        .replaceAll(cli.directory, '/srv/app')
        .replaceAll(repositoryRoot, '/srv/stint')
        .trimEnd()
        .split('\n');
      assert.deepEqual(shown.map(timeless), output.map(timeless), `$ ${typed}\n${printed}`);
      const real = typedIds(printed);
      for (const [i, id] of typedIds(output.join('\n')).entries()) ids.set(id, real[i] ?? id);
    }
    await cli.assertNothingIsLeft();
  });

  it('has every command in its README', () => {
    const run = () => () => Promise.resolve();
    const leaves = (command: CommandTree, name: string): string[] =>
      command.commands.length === 0
        ? [name]
        : command.commands.flatMap((sub) => leaves(sub, `${name} ${sub.name()}`));
    const documented = consoleCommands(readme).map(({ line }) => line);
    for (const name of leaves(createProgram('0', run), 'stint'))
      assert.ok(
        documented.some((line) => line.startsWith(name)),
        `${name} is not in the README`,
      );
  });

  it('shows a password only when asked, and then it is the one that opens the database', async () => {
    const hidden = await cli.run(['request', 'demo-db', 'read', '--reason', 'hidden']);
    assert.match(hidden.stdout, /password +hidden/);
    const shared = await cli.run(['request', 'demo-db', 'read', '--reason', 'another']);
    assert.match(
      shared.stderr,
      /^stint: grt_\w+ was held already, for "hidden": the reason given now is not/,
    );
    const access = await cli.json([
      'request',
      'demo-db',
      'read',
      '--reason',
      'shown',
      '--fresh',
      '--show-secret',
    ]);
    const { host, port, database, username: user, password } = access.credential;
    const client = new pg.Client({ host, port, database, user, password });
    await client.connect();
    await client.end();
    for (const id of [access.grant.id, ...grantIds(hidden.stdout), ...grantIds(shared.stdout)])
      await cli.json(['release', id]);
    const wrong = new pg.Client({ host, port, database, user, password });
    // The user is gone: invalid_password, since PostgreSQL does not tell which users it knows.
    await assert.rejects(wrong.connect(), { code: '28P01' });
  });

  it('answers a denial with 3, wrong usage with 2, and says which', async () => {
    const codes = async (args: readonly string[]) => {
      const { code, stderr } = await cli.run(['-o', 'json', ...args]);
      return [code, /"reason":"(\w+)"/.exec(stderr)?.[1]];
    };
    assert.deepEqual(await codes(['request', 'demo-db', 'write', '--reason', 'x']), [3, 'GRANT_DENIED']);
    assert.deepEqual(await codes(['exec', 'demo-db', 'write', '--', 'true']), [3, 'GRANT_DENIED']);
    assert.deepEqual(await codes(['request', 'demo-db', 'read', '--ttl', '48h']), [2, 'TTL_OUT_OF_RANGE']);
    assert.deepEqual(await codes(['request', 'nothing', 'read']), [3, 'RESOURCE_NOT_FOUND']);
    assert.deepEqual(await codes(['request', 'demo-db', 'read', '--reason', 'a\u001b[2Jb']), [
      2,
      'INVALID_FIELD',
    ]);
    assert.deepEqual(await codes(['grants', 'show', 'nonsense']), [2, 'INVALID_FIELD']);
    assert.deepEqual(await codes(['request', 'demo-db', 'read', '--ttl', 'soon']), [2, 'USAGE']);
    assert.deepEqual(await codes(['revoke', 'grt_00000000000000000000000009']), [2, 'USAGE']);
  });

  it('names the mesh file of a folder above, and answers from there', async () => {
    const below = path.join(cli.directory, 'deep/down');
    mkdirSync(below, { recursive: true });
    assert.equal((await cli.run(['status'], { cwd: below })).code, 0);
  });

  it('gives every key of a status, null for a part that is down', async () => {
    const { code, stdout } = await cli.run(['status', '-o', 'json', '--sidecar-socket', '/nowhere']);
    assert.equal(code, 1);
    const up = (await cli.json(['status'])).parts.sidecar;
    const { sidecar } = JSON.parse(stdout).parts;
    assert.deepEqual(Object.keys(sidecar), Object.keys(up));
    assert.deepEqual([sidecar.state, sidecar.version], ['down', null]);
  });

  it('says what to start when nothing is there', async () => {
    const { code, stdout, stderr } = await cli.run(['status'], { cwd: '/', env: { XDG_RUNTIME_DIR: '' } });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /error: no mesh was found\n.*\n {2}fix: npm start/);
  });

  it('gives programs every key of a status when nothing is there, and what to start', async () => {
    const nowhere = { cwd: '/', env: { XDG_RUNTIME_DIR: '' } };
    const { code, stdout, stderr } = await cli.run(['status', '-o', 'json'], nowhere);
    assert.equal(code, 1);
    const up = await cli.json(['status']);
    const down = JSON.parse(stdout);
    assert.deepEqual(Object.keys(down), Object.keys(up));
    assert.deepEqual([down.healthy, down.targets], [false, null]);
    for (const [part, { state, problems, ...facts }] of Object.entries<Record<string, unknown>>(down.parts)) {
      assert.deepEqual(Object.keys(down.parts[part]), Object.keys(up.parts[part]));
      assert.equal(state, 'down');
      assert.match(String(problems), /no mesh was found/);
      assert.deepEqual([...new Set(Object.values(facts))], [null]);
    }
    assert.match(stderr, /^\{"error":\{"what":"no mesh was found".*"fix":"npm start.*"NOT_RUNNING".*\}\}\n$/);
  });

  it('follows the log as it is written', async () => {
    const tailed = cli.run(['audit', 'tail', '--type', 'access.denied', '--limit', '1', '-o', 'json']);
    let isOver = false;
    void tailed.then(() => {
      isOver = true;
    });
    // When the tail has begun cannot be seen from outside: deny until it shows one.
    await until('the tail shows one', 20_000, async () => {
      await cli.run(['request', 'demo-db', 'write', '--reason', 'seen']);
      return isOver;
    });
    const { stdout, code } = await tailed;
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).event.data.justification, 'seen');
  });

  it('does not believe records that are proved by another key than the one pinned', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const file = path.join(cli.directory, 'other.vkey');
    writeFileSync(file, formatVerifierKey('stint.local/log', publicKey));
    const { code, stdout, stderr } = await cli.run(['audit', 'list', '--limit', '2', '--verifier-key', file]);
    assert.equal(code, 1);
    assert.match(stdout, /✗/);
    assert.doesNotMatch(stdout, /✓/);
    assert.match(stderr, /PROOF_INVALID/);
  });

  it('tells programs whether records are proved by a key that was pinned', async () => {
    const list = ['audit', 'list', '--limit', '1'];
    const kept = path.join(cli.directory, 'kept.vkey');
    cpSync(path.join(cli.mesh.paths.log, 'log.vkey'), kept);
    assert.equal((await cli.json(list)).verifier_key, 'with the log');
    assert.equal((await cli.json([...list, '--verifier-key', kept])).verifier_key, 'pinned');
  });

  it('ends with 3 for whatever is not registered, and with 1 for a socket of another service', async () => {
    const asked = [
      ['request', 'no-such-db', 'read'],
      ['request', 'demo-db', 'no-such-action'],
      ['explain', 'demo-db', 'read', '--as', 'spiffe://stint.local/nobody'],
    ];
    for (const args of asked) assert.equal((await cli.run(args)).code, 3, args.join(' '));
    const { code, stderr } = await cli.run([
      'grants',
      'list',
      '--broker-socket',
      cli.mesh.paths.auditorSocket,
    ]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`"${cli.mesh.paths.auditorSocket}" does not know this call`), stderr);
  });

  it('names a rule by the file that holds it, from where the user stands', async () => {
    const { stdout } = await cli.run(['explain', 'demo-db', 'write'], {
      cwd: repositoryRoot,
      env: {
        STINT_SIDECAR_SOCKET: cli.mesh.paths.sidecarSocket('demo'),
        STINT_BROKER_ADMIN_SOCKET: cli.mesh.paths.brokerSocket,
      },
    });
    const named = /\((\S+):(\d+)\) would allow/.exec(stdout);
    assert.equal(named?.[1], 'deploy/demo/policies/databases.cedar');
    const lines = readFileSync(path.join(repositoryRoot, named?.[1] ?? ''), 'utf8').split('\n');
    assert.match(lines.slice(Number(named?.[2]) - 1).join('\n'), /^@id\("migrator-writes-demo-db"\)|^permit/);
  });

  it('says where it looked for a log to verify, and which file it was not given', async (t) => {
    const elsewhere = { cwd: tempDir(t), env: { XDG_STATE_HOME: '/srv/none' } };
    const { code, stderr } = await cli.run(['audit', 'verify'], elsewhere);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^not verified: no log stands in "\/srv\/none\/stint\/log"\n.*no such directory.*\n.*--log-dir\n/,
    );
    const { reason, exit_code } = JSON.parse(
      (await cli.run(['audit', 'verify', '-o', 'json'], elsewhere)).stderr,
    ).error;
    assert.deepEqual([reason, exit_code], ['NO_LOG', 2]);
    const damaged = tempDir(t);
    writeFileSync(path.join(damaged, 'records.db'), 'no database');
    cpSync(path.join(cli.mesh.paths.state, 'log', 'log.vkey'), path.join(damaged, 'log.vkey'));
    const unreadable = await cli.run(['audit', 'verify', '--log-dir', damaged]);
    assert.deepEqual([unreadable.code, /code: LOG_UNREADABLE/.test(unreadable.stderr)], [23, true]);
    const above = await cli.run(['audit', 'verify', '--log-dir', path.join(cli.directory, '.stint')]);
    assert.equal(above.code, 2);
    assert.match(
      above.stderr,
      /why: there is no records\.db in it; .*"log" below\n {2}fix: --log-dir \S+\/log\n/,
    );
    for (const flag of ['--verifier-key', '--trust-bundle', '--checkpoint']) {
      const wrong = await cli.run(['audit', 'verify', flag, '/srv/none']);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, new RegExp(`${flag} .*\\n {2}why: "/srv/none" does not exist`));
    }
    for (const command of ['list', 'verify'])
      assert.equal((await cli.run(['audit', command, '--verifier-key', noKey])).code, 2, command);
  });

  it("passes the verifier's verdict and exit code on", async () => {
    const forged = path.join(cli.directory, 'forged-checkpoint');
    writeFileSync(forged, 'stint.local/log\n9999\nAAAA\n');
    const damaged = await cli.run(['audit', 'verify', '--checkpoint', forged, '-o', 'json']);
    const { counts, exit_code } = JSON.parse(damaged.stdout);
    assert.deepEqual(counts, { consistency: 1 });
    assert.ok(exit_code >= 10);
    assert.equal(damaged.code, exit_code);
    assert.equal(
      (await cli.run(['audit', 'verify', '--log-dir', path.join(cli.directory, 'nowhere')])).code,
      2,
    );
    const whole = await cli.run(['audit', 'verify', '-o', 'json']);
    assert.equal(whole.code, 0, whole.stdout);
    assert.equal(JSON.parse(whole.stdout).whole, true);
  });

  it('says what to start when the mesh has stopped', async () => {
    await cli.mesh.stop();
    const { code, stderr } = await cli.run(['request', 'demo-db', 'read']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /error: the sidecar is not running\n {2}why: nothing answers at .*\n {2}fix: npm start -- --state-dir \S+\/\.stint\n/,
    );
  });
});
