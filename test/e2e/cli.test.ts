import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { formatVerifierKey } from '@stint/common/signed-note.ts';
import pg from 'pg';
import { Mesh } from '../../deploy/mesh/mesh.ts';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import { createProgram } from '../../services/cli/program.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { consoleCommands, grantIds, timeless } from './console-blocks.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');
const readme = readFileSync(path.join(repositoryRoot, 'services/cli/README.md'), 'utf8');
const pgModule = path.join(repositoryRoot, 'node_modules/pg/lib/index.js');

/** A Node below 24 on this machine; npm puts the repository's own before it. */
const olderNode = (process.env['PATH'] ?? '')
  .split(path.delimiter)
  .concat('/usr/local/bin', '/usr/bin')
  .map((directory) => path.join(directory, 'node'))
  .find((node) => /^v2[0-3]\./.test(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? ''));

const psqlIsMissing = findProgram('psql') === undefined ? 'psql is not installed' : false;

type CommandTree = { name(): string; readonly commands: readonly CommandTree[] };

describe('stint on a real mesh', { skip: skipWithoutPostgres || skipWithoutNats }, () => {
  const scope = suiteScope();
  let mesh: Mesh;
  let directory = '';
  let runtime = '';

  before(async () => {
    directory = tempDir(scope);
    runtime = path.join(directory, 'runtime');
    mkdirSync(runtime, { mode: 0o700 });
    const environment = { PATH: process.env['PATH'] ?? '' };
    mesh = await Mesh.start({ stateDirectory: path.join(directory, '.stint'), environment });
    scope.after(() => mesh.stop());
  });

  type RunOptions = { readonly env?: Record<string, string>; readonly cwd?: string; readonly node?: string };

  function environmentOf({ env }: RunOptions): Record<string, string> {
    const { PATH = '', HOME = '' } = process.env;
    return {
      PATH: `${path.join(repositoryRoot, 'node_modules/.bin')}:${PATH}`,
      HOME,
      NO_COLOR: '1',
      XDG_RUNTIME_DIR: runtime,
      ...env,
    };
  }

  /** Starts a command; its ending is awaited from the beginning, since it may come before anybody asks. */
  function start(args: readonly string[], options: RunOptions = {}) {
    const child = spawn(options.node ?? process.execPath, [launcher, ...args], {
      cwd: options.cwd ?? directory,
      env: environmentOf(options),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'exit') as Promise<[number | null]>;
    const ended = Promise.all([text(child.stdout), text(child.stderr), exit]).then(
      ([stdout, stderr, [code]]) => ({ stdout, stderr, code }),
    );
    return { child, ended };
  }

  const stint = (args: readonly string[], options: RunOptions = {}) => start(args, options).ended;

  async function stintJson(args: readonly string[]) {
    const { code, stdout, stderr } = await stint([...args, '-o', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** Starts exec and waits until its command has said that it runs. */
  async function startExec(
    reason: string,
    options: { args?: readonly string[]; script: string } & RunOptions,
  ) {
    const command = ['--', 'sh', '-c', `echo running; ${options.script}`];
    const { child, ended } = start(
      ['exec', 'demo-db', 'read', '--reason', reason, ...(options.args ?? []), ...command],
      options,
    );
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(first.toString(), /^running\n/);
    const { grants } = await stintJson(['grants', 'list', '--live']);
    const grant = grants.find((one: { justification: string }) => one.justification === reason);
    return { child, ended, grantId: grant.id as string };
  }

  async function liveRoles(): Promise<string[]> {
    const { server, superuserPassword } = mesh.target;
    const { host, port, superuser: user } = server;
    const client = new pg.Client({
      host,
      port,
      user,
      password: superuserPassword.revealText(),
      database: 'postgres',
    });
    await client.connect();
    try {
      const { rows } = await client.query("select rolname from pg_roles where rolname like 'stint\\_b1\\_%'");
      return rows.map((row) => row.rolname);
    } finally {
      await client.end();
    }
  }

  /** Runs statements as the superuser of the demo's target. */
  async function atTarget(...statements: readonly string[]): Promise<void> {
    const { server, superuserPassword } = mesh.target;
    const { host, port, superuser: user } = server;
    const password = superuserPassword.revealText();
    const client = new pg.Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** Keeps the broker out of the demo's target until it is opened again, as if it were down. */
  const closeTarget = () =>
    atTarget(
      'alter role stint_broker connection limit 0',
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'stint_broker'",
    );
  const openTarget = () => atTarget('alter role stint_broker connection limit -1');

  async function assertNothingIsLeft(): Promise<void> {
    assert.deepEqual(await liveRoles(), []);
    assert.deepEqual(readdirSync(runtime), []);
  }

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
      const typed = line.replace(/\bgrt_[0-9a-z]{26}\b/g, (id) => ids.get(id) ?? id);
      const shell = spawn('bash', ['-c', `${typed} 2>&1`], { cwd: directory, env: environmentOf({}) });
      const [printed] = await Promise.all([text(shell.stdout), once(shell, 'exit')]);
      lastCode = shell.exitCode;
      const shown = printed
        .replaceAll(directory, '/srv/app')
        .replaceAll(repositoryRoot, '/srv/stint')
        .trimEnd()
        .split('\n');
      assert.deepEqual(shown.map(timeless), output.map(timeless), `$ ${typed}\n${printed}`);
      const real = grantIds(printed);
      for (const [i, id] of grantIds(output.join('\n')).entries()) ids.set(id, real[i] ?? id);
    }
    await assertNothingIsLeft();
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

  it('gives an ordinary client of Node access by files, and leaves neither file nor role', async () => {
    const script = `
      const { default: pg } = await import(${JSON.stringify(pgModule)});
      const client = new pg.Client();
      await client.connect();
      const { rows } = await client.query('select count(*)::int as orders, current_user as me from orders');
      console.log(JSON.stringify({ ...rows[0], env: process.env }));
      await client.end();
      process.exit(3);`;
    const { code, stdout, stderr } = await stint([
      ...['exec', 'demo-db', 'read', '--reason', 'by pg', '--'],
      ...[process.execPath, '--input-type=module', '-e', script],
    ]);
    assert.equal(code, 3, stderr);
    const { orders, me, env } = JSON.parse(stdout);
    assert.equal(orders, 5);
    assert.match(me, /^stint_b1_/);
    assert.equal(env.PGUSER, me);
    assert.equal(env.PGPASSWORD, undefined);
    assert.match(env.STINT_GRANT_ID, /^grt_/);
    assert.ok(env.PGPASSFILE.startsWith(`${runtime}/stint-exec-`));
    const { grant } = await stintJson(['grants', 'show', env.STINT_GRANT_ID]);
    assert.equal(grant.state, 'completed');
    assert.equal(grant.justification, 'by pg');
    await assertNothingIsLeft();
  });

  it('gives psql access by the service file alone', { skip: psqlIsMissing }, async () => {
    const script = 'unset PGHOST PGPORT PGDATABASE PGUSER; psql -Atc "select count(*) from orders"';
    const { code, stdout, stderr } = await stint(['exec', 'demo-db', 'read', '--', 'sh', '-c', script]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '5\n');
  });

  it('puts the secret into a variable only when asked', async () => {
    const exec = ['exec', 'demo-db', 'read', '--env-secrets'];
    const script =
      'cut -d: -f5 "$PGPASSFILE"; echo "$PGPASSWORD"; stat -c %a "$PGPASSFILE" "$(dirname "$PGPASSFILE")"';
    const { stdout } = await stint([...exec, '--', 'sh', '-c', script]);
    const [inFile, inVariable, fileMode, directoryMode] = stdout.trim().split('\n');
    assert.ok((inFile ?? '').length > 20);
    assert.equal(inVariable, inFile);
    assert.deepEqual([fileMode, directoryMode], ['600', '700']);
    const inherited = await stint(['exec', 'demo-db', 'read', '--', 'sh', '-c', 'echo "[$PGPASSWORD]"'], {
      env: { PGPASSWORD: 'of somebody else' },
    });
    assert.equal(inherited.stdout, '[]\n');
  });

  it('gives access back when exec is killed with TERM, and dies as its command did', async () => {
    const { child, ended } = await startExec('to be terminated', { script: 'exec sleep 60' });
    assert.equal((await liveRoles()).length, 1);
    child.kill('SIGTERM');
    const { code } = await ended;
    assert.equal(code, 143);
    await assertNothingIsLeft();
  });

  it('runs no command when exec is killed with TERM before it has access', async () => {
    const socket = path.join(directory, 'silent.sock');
    const silent = createServer().listen(socket);
    await once(silent, 'listening');
    const exec = ['exec', 'demo-db', 'read', '--sidecar-socket', socket, '--', 'echo', 'ran'];
    const { child, ended } = start(exec);
    await once(silent, 'connection');
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    silent.close();
    assert.equal(code, 143);
    assert.equal(stdout, '');
    await assertNothingIsLeft();
  });

  it('lets the command end in its own way when exec is killed with TERM', async () => {
    const script = "trap 'echo bye; exit 9' TERM; while :; do sleep 0.05; done";
    const { child, ended } = await startExec('ends in its own way', { script });
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    assert.equal(code, 9);
    assert.match(stdout, /bye/);
    await assertNothingIsLeft();
  });

  it('passes signals on from the launcher on an older Node', {
    skip: olderNode === undefined && 'no Node below 24',
  }, async () => {
    const node = olderNode ?? '';
    const { child, ended } = await startExec('on an older Node', { script: 'exec sleep 60', node });
    child.kill('SIGTERM');
    assert.equal((await ended).code, 143);
    const usage = await stint(['nonsense'], { node });
    assert.equal(usage.code, 2);
    await assertNothingIsLeft();
  });

  it('ends the command when its grant is revoked, says so, and exits with 6', async () => {
    const { ended, grantId } = await startExec('to be revoked', { script: 'exec sleep 60' });
    const revoked = await stintJson(['revoke', grantId, '--reason', 'test']);
    assert.equal(revoked.grant.state, 'revoked');
    assert.notEqual(revoked.leases[0].contained_at, null);
    const { code, stderr } = await ended;
    assert.equal(code, 6, stderr);
    assert.match(stderr, new RegExp(`access by ${grantId} has ended: revoked`));
    await assertNothingIsLeft();
    // The words come by way of the log, soon after the answer.
    while ((await stintJson(['grants', 'show', grantId])).end_note !== 'test');
  });

  it('leaves the command alone after a revocation when asked', async () => {
    const script = 'until [ -e go ]; do sleep 0.05; done; exit 5';
    const { ended, grantId } = await startExec('keeps running', { args: ['--keep-running'], script });
    await stintJson(['revoke', grantId, '--reason', 'test']);
    writeFileSync(path.join(directory, 'go'), '');
    const { code, stderr } = await ended;
    assert.equal(code, 5);
    assert.match(stderr, /has ended: revoked/);
  });

  it('says of access that the target does not end yet that it is not ended, and waits for it when it is revoked', async () => {
    const script = 'until [ -e closed ]; do sleep 0.05; done; exit 5';
    const { ended, grantId } = await startExec('ends while the target is closed', { script });
    const ask = ['request', 'demo-db', 'read', '--fresh', '--reason'];
    const toRelease = (await stintJson([...ask, 'to release'])).grant.id;
    const toRevoke = (await stintJson([...ask, 'to revoke'])).grant.id;
    await closeTarget();
    writeFileSync(path.join(directory, 'closed'), '');
    const { code, stderr } = await ended;
    assert.equal(code, 5);
    assert.match(
      stderr,
      new RegExp(
        `access by ${grantId} is not yet ended: lse_\\w+ at demo-postgres is \\w+: .*; Stint goes on trying until it is; see: stint grants show ${grantId}`,
      ),
    );
    const released = await stint(['release', toRelease]);
    assert.equal(released.code, 1);
    assert.match(
      released.stderr,
      /credential may still work\n {2}why: lse_.* at demo-postgres.*\n.*\n {2}code: NOT_CONTAINED/,
    );
    let isOver = false;
    const revoking = stint(['revoke', toRevoke, '--reason', 'closed']).finally(() => {
      isOver = true;
    });
    while ((await stintJson(['grants', 'show', toRevoke])).leases[0].last_error === null) assert.ok(!isOver);
    assert.ok(!isOver, 'revoke returned while the credential may still work');
    await openTarget();
    const revoked = await revoking;
    assert.equal(revoked.code, 0, revoked.stderr);
    assert.match(revoked.stdout, /\nended +\d+s ago/);
    assert.doesNotMatch(revoked.stdout, /\nends /);
    for (const id of [grantId, toRelease])
      assert.equal((await stint(['revoke', id, '--reason', 'x'])).code, 0);
    const again = await stint(['revoke', toRevoke, '--reason', 'again']);
    assert.equal(again.code, 0);
    assert.match(
      again.stderr,
      /had ended already, \d+s ago .*: revoked; nothing was changed, and the reason/,
    );
    while ((await liveRoles()).length > 0);
    await assertNothingIsLeft();
  });

  it('says what became of the access, and whose the exit code is, when the sidecar stops meanwhile', async () => {
    const script = 'until [ -e gone ]; do sleep 0.05; done; exit 5';
    const { child, ended, grantId } = await startExec('outlives its sidecar', { script });
    const told = once(child.stderr, 'data') as Promise<[Buffer]>;
    await mesh.stopService('sidecar');
    assert.match(String((await told)[0]), /the sidecar went away: .*; the command goes on/);
    writeFileSync(path.join(directory, 'gone'), '');
    const { code, stderr } = await ended;
    await mesh.startService('sidecar');
    assert.equal(code, 5);
    assert.match(
      stderr,
      new RegExp(
        `${grantId} could not be given back: a sidecar that was stopped has done so itself; one that was killed leaves it to end in .*; exit code 5 is the command's own\n$`,
      ),
    );
    await assertNothingIsLeft();
  });

  it('leaves a role to nobody when exec is killed outright', async () => {
    const { child, ended, grantId } = await startExec('killed outright', { script: 'exec sleep 2' });
    child.kill('SIGKILL');
    await ended;
    for (;;) {
      const { grant, leases } = await stintJson(['grants', 'show', grantId]);
      if (leases[0].state !== 'revoked') continue;
      assert.equal(grant.end_reason, 'abandoned');
      break;
    }
    assert.deepEqual(await liveRoles(), []);
    for (const left of readdirSync(runtime)) assert.equal(statSync(path.join(runtime, left)).mode & 0o077, 0);
  });

  it('keeps the trace that it is called in', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const { code, stdout } = await stint(['exec', 'demo-db', 'read', '--', 'sh', '-c', 'echo $TRACEPARENT'], {
      env: {
        TRACEPARENT: `00-${trace}-b7ad6b7169203331-01`,
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      },
    });
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01\n$`));
  });

  it('shows a password only when asked, and then it is the one that opens the database', async () => {
    const hidden = await stint(['request', 'demo-db', 'read', '--reason', 'hidden']);
    assert.match(hidden.stdout, /password +hidden/);
    const access = await stintJson([
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
    for (const id of [access.grant.id, ...grantIds(hidden.stdout)]) await stintJson(['release', id]);
    const wrong = new pg.Client({ host, port, database, user, password });
    // The user is gone: invalid_password, since PostgreSQL does not tell which users it knows.
    await assert.rejects(wrong.connect(), { code: '28P01' });
  });

  it('answers a denial with 3, wrong usage with 2, and says which', async () => {
    const codes = async (args: readonly string[]) => {
      const { code, stderr } = await stint(['-o', 'json', ...args]);
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
    const below = path.join(directory, 'deep/down');
    mkdirSync(below, { recursive: true });
    assert.equal((await stint(['status'], { cwd: below })).code, 0);
  });

  it('gives every key of a status, null for a part that is down', async () => {
    const { code, stdout } = await stint(['status', '-o', 'json', '--sidecar-socket', '/nowhere']);
    assert.equal(code, 1);
    const up = (await stintJson(['status'])).parts.sidecar;
    const { sidecar } = JSON.parse(stdout).parts;
    assert.deepEqual(Object.keys(sidecar), Object.keys(up));
    assert.deepEqual([sidecar.state, sidecar.version], ['down', null]);
  });

  it('says what to start when nothing is there', async () => {
    const { code, stderr } = await stint(['status'], { cwd: '/', env: { XDG_RUNTIME_DIR: '' } });
    assert.equal(code, 1);
    assert.match(stderr, /error: no mesh was found\n.*\n {2}fix: npm start/);
  });

  it('follows the log as it is written', async () => {
    const tailed = stint(['audit', 'tail', '--type', 'access.denied', '--limit', '1', '-o', 'json']);
    let isOver = false;
    void tailed.then(() => {
      isOver = true;
    });
    // When the tail has begun cannot be seen from outside: deny until it shows one.
    while (!isOver) await stint(['request', 'demo-db', 'write', '--reason', 'seen']);
    const { stdout, code } = await tailed;
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).event.data.justification, 'seen');
  });

  it('does not believe records that are proved by another key than the one pinned', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const file = path.join(directory, 'other.vkey');
    writeFileSync(file, formatVerifierKey('stint.local/log', publicKey));
    const { code, stdout, stderr } = await stint(['audit', 'list', '--limit', '2', '--verifier-key', file]);
    assert.equal(code, 1);
    assert.match(stdout, /✗/);
    assert.doesNotMatch(stdout, /✓/);
    assert.match(stderr, /PROOF_INVALID/);
  });

  it('ends with 3 for whatever is not registered, and with 1 for a socket of another service', async () => {
    const asked = [
      ['request', 'no-such-db', 'read'],
      ['request', 'demo-db', 'no-such-action'],
      ['explain', 'demo-db', 'read', '--as', 'spiffe://stint.local/nobody'],
    ];
    for (const args of asked) assert.equal((await stint(args)).code, 3, args.join(' '));
    const { code, stderr } = await stint(['grants', 'list', '--broker-socket', mesh.paths.auditorSocket]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`"${mesh.paths.auditorSocket}" does not know this call`), stderr);
  });

  it('names a rule by the file that holds it, from where the user stands', async () => {
    const { stdout } = await stint(['explain', 'demo-db', 'write'], {
      cwd: repositoryRoot,
      env: {
        STINT_SIDECAR_SOCKET: mesh.paths.sidecarSocket('demo'),
        STINT_BROKER_ADMIN_SOCKET: mesh.paths.brokerSocket,
      },
    });
    const named = /\((\S+):(\d+)\) would allow/.exec(stdout);
    assert.equal(named?.[1], 'deploy/demo/policies/databases.cedar');
    const lines = readFileSync(path.join(repositoryRoot, named?.[1] ?? ''), 'utf8').split('\n');
    assert.match(lines.slice(Number(named?.[2]) - 1).join('\n'), /^@id\("migrator-writes-demo-db"\)|^permit/);
  });

  it('says where it looked for a log to verify, and which file it was not given', async (t) => {
    const elsewhere = { cwd: tempDir(t), env: { XDG_STATE_HOME: '/srv/none' } };
    const { code, stderr } = await stint(['audit', 'verify'], elsewhere);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: no log stands in "\/srv\/none\/stint\/log"\n.*XDG_STATE_HOME.*\n.*--log-dir\n/,
    );
    for (const flag of ['--verifier-key', '--trust-bundle', '--checkpoint']) {
      const wrong = await stint(['audit', 'verify', flag, '/srv/none']);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, new RegExp(`${flag} .*"/srv/none" does not exist`));
    }
  });

  it("passes the verifier's verdict and exit code on", async () => {
    const forged = path.join(directory, 'forged-checkpoint');
    writeFileSync(forged, 'stint.local/log\n9999\nAAAA\n');
    const damaged = await stint(['audit', 'verify', '--checkpoint', forged, '-o', 'json']);
    const { counts, exit_code } = JSON.parse(damaged.stdout);
    assert.deepEqual(counts, { consistency: 1 });
    assert.ok(exit_code >= 10);
    assert.equal(damaged.code, exit_code);
    assert.equal((await stint(['audit', 'verify', '--log-dir', path.join(directory, 'nowhere')])).code, 2);
    const whole = await stint(['audit', 'verify', '-o', 'json']);
    assert.equal(whole.code, 0, whole.stdout);
    assert.equal(JSON.parse(whole.stdout).whole, true);
  });

  it('says what to start when the mesh has stopped', async () => {
    await mesh.stop();
    const { code, stderr } = await stint(['request', 'demo-db', 'read']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /error: the sidecar is not running\n {2}why: nothing answers at .*\n {2}fix: npm start/,
    );
  });
});
