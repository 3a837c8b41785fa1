import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { type RunOptions, StintOnMesh } from '../harness/stint-on-mesh.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { until } from '../harness/until.ts';

const pgModule = path.join(repositoryRoot, 'node_modules/pg/lib/index.js');

/** A Node below 24 on this machine; npm puts the repository's own before it. */
const olderNode = (process.env['PATH'] ?? '')
  .split(path.delimiter)
  .concat('/usr/local/bin', '/usr/bin')
  .map((directory) => path.join(directory, 'node'))
  .find((node) => /^v2[0-3]\./.test(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? ''));

const psqlIsMissing = findProgram('psql') === undefined ? 'psql is not installed' : false;

describe('stint exec on a real mesh', { skip: skipWithoutPostgres || skipWithoutNats }, () => {
  const scope = suiteScope();
  let cli: StintOnMesh;

  before(async () => {
    cli = await StintOnMesh.start(scope);
  });

  /** Starts exec and waits until its command has said that it runs. */
  async function startExec(
    reason: string,
    options: { args?: readonly string[]; script: string } & RunOptions,
  ) {
    const command = ['--', 'sh', '-c', `echo running; ${options.script}`];
    const { child, ended } = cli.start(
      ['exec', 'demo-db', 'read', '--reason', reason, ...(options.args ?? []), ...command],
      options,
    );
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(first.toString(), /^running\n/);
    const { grants } = await cli.json(['grants', 'list', '--live']);
    const grant = grants.find((one: { justification: string }) => one.justification === reason);
    return { child, ended, grantId: grant.id as string };
  }

  it('gives an ordinary client of Node access by files, and leaves neither file nor role', async () => {
    const script = `
      const { default: pg } = await import(${JSON.stringify(pgModule)});
      const client = new pg.Client();
      await client.connect();
      const { rows } = await client.query('select count(*)::int as orders, current_user as me from orders');
      console.log(JSON.stringify({ ...rows[0], env: process.env }));
      await client.end();
      process.exit(3);`;
    const { code, stdout, stderr } = await cli.run([
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
    assert.ok(env.PGPASSFILE.startsWith(`${cli.runtime}/stint-exec-`));
    const { grant } = await cli.json(['grants', 'show', env.STINT_GRANT_ID]);
    assert.equal(grant.state, 'completed');
    assert.equal(grant.justification, 'by pg');
    await cli.assertNothingIsLeft();
  });

  it('gives psql access by the service file alone', { skip: psqlIsMissing }, async () => {
    const script = 'unset PGHOST PGPORT PGDATABASE PGUSER; psql -Atc "select count(*) from orders"';
    const { code, stdout, stderr } = await cli.run(['exec', 'demo-db', 'read', '--', 'sh', '-c', script]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '5\n');
  });

  it('says that access may end before it is renewed, as request does', async () => {
    const brief = ['demo-db', 'read', '--ttl', '5s'];
    for (const args of [
      ['exec', ...brief, '--', 'true'],
      ['request', ...brief, '--fresh'],
    ]) {
      const { code, stderr } = await cli.run(args);
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^stint: access by grt_\w+ ends after 5s: .* one of 10s is, until the grant ends\n$/,
      );
      const [grantId = ''] = /grt_\w+/.exec(stderr) ?? [];
      if (args[0] === 'request') assert.equal((await cli.run(['release', grantId])).code, 0);
    }
    await cli.assertNothingIsLeft();
  });

  it('puts the secret into a variable only when asked', async () => {
    const exec = ['exec', 'demo-db', 'read', '--env-secrets'];
    const script =
      'cut -d: -f5 "$PGPASSFILE"; echo "$PGPASSWORD"; stat -c %a "$PGPASSFILE" "$(dirname "$PGPASSFILE")"';
    const { stdout } = await cli.run([...exec, '--', 'sh', '-c', script]);
    const [inFile, inVariable, fileMode, directoryMode] = stdout.trim().split('\n');
    assert.ok((inFile ?? '').length > 20);
    assert.equal(inVariable, inFile);
    assert.deepEqual([fileMode, directoryMode], ['600', '700']);
    const inherited = await cli.run(['exec', 'demo-db', 'read', '--', 'sh', '-c', 'echo "[$PGPASSWORD]"'], {
      env: { PGPASSWORD: 'of somebody else' },
    });
    assert.equal(inherited.stdout, '[]\n');
  });

  it('gives access back when exec is killed with TERM, and dies as its command did', async () => {
    const { child, ended } = await startExec('to be terminated', { script: 'exec sleep 60' });
    assert.equal((await cli.liveRoles()).length, 1);
    child.kill('SIGTERM');
    const { code } = await ended;
    assert.equal(code, 143);
    await cli.assertNothingIsLeft();
  });

  it('runs no command when exec is killed with TERM before it has access', async () => {
    const socket = path.join(cli.directory, 'silent.sock');
    const silent = createServer().listen(socket);
    await once(silent, 'listening');
    const exec = ['exec', 'demo-db', 'read', '--sidecar-socket', socket, '--', 'echo', 'ran'];
    const { child, ended } = cli.start(exec);
    await once(silent, 'connection');
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    silent.close();
    assert.equal(code, 143);
    assert.equal(stdout, '');
    await cli.assertNothingIsLeft();
  });

  it('lets the command end in its own way when exec is killed with TERM', async () => {
    const script = "trap 'echo bye; exit 9' TERM; while :; do sleep 0.05; done";
    const { child, ended } = await startExec('ends in its own way', { script });
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    assert.equal(code, 9);
    assert.match(stdout, /bye/);
    await cli.assertNothingIsLeft();
  });

  it('passes signals on from the launcher on an older Node', {
    skip: olderNode === undefined && 'no Node below 24',
  }, async () => {
    const node = olderNode ?? '';
    const { child, ended } = await startExec('on an older Node', { script: 'exec sleep 60', node });
    child.kill('SIGTERM');
    assert.equal((await ended).code, 143);
    const usage = await cli.run(['nonsense'], { node });
    assert.equal(usage.code, 2);
    await cli.assertNothingIsLeft();
  });

  it('ends the command when its grant is revoked, says so, and exits with 6', async () => {
    const { ended, grantId } = await startExec('to be revoked', { script: 'exec sleep 60' });
    const revoked = await cli.json(['revoke', grantId, '--reason', 'test']);
    assert.equal(revoked.grant.state, 'revoked');
    assert.notEqual(revoked.leases[0].contained_at, null);
    const { code, stderr } = await ended;
    assert.equal(code, 6, stderr);
    assert.match(stderr, new RegExp(`access by ${grantId} has ended: revoked`));
    await cli.assertNothingIsLeft();
    // The words come by way of the log, soon after the answer.
    const show = ['grants', 'show', grantId];
    await until('its words are told', 20_000, async () => (await cli.json(show)).end_note === 'test');
  });

  it('leaves the command alone after a revocation when asked', async () => {
    const script = 'until [ -e go ]; do sleep 0.05; done; exit 5';
    const { ended, grantId } = await startExec('keeps running', { args: ['--keep-running'], script });
    await cli.json(['revoke', grantId, '--reason', 'test']);
    writeFileSync(path.join(cli.directory, 'go'), '');
    const { code, stderr } = await ended;
    assert.equal(code, 5);
    assert.match(stderr, /has ended: revoked/);
  });

  it('says of access that the target does not end yet that it is not ended, and waits for it when it is revoked', async () => {
    const script = 'until [ -e closed ]; do sleep 0.05; done; exit 5';
    const { ended, grantId } = await startExec('ends while the target is closed', { script });
    const ask = ['request', 'demo-db', 'read', '--fresh', '--reason'];
    const toRelease = (await cli.json([...ask, 'to release'])).grant.id;
    const toRevoke = (await cli.json([...ask, 'to revoke'])).grant.id;
    await cli.closeTarget();
    writeFileSync(path.join(cli.directory, 'closed'), '');
    const { code, stderr } = await ended;
    assert.equal(code, 5);
    assert.match(
      stderr,
      new RegExp(
        `access by ${grantId} is not yet ended: lse_\\w+ at demo-postgres is \\w+: .*; nothing is to be done again: Stint goes on trying until it is; see: stint grants show ${grantId}`,
      ),
    );
    const released = await cli.run(['release', toRelease]);
    assert.equal(released.code, 1);
    assert.match(released.stdout, new RegExp(`^given back, and not ended yet: ${toRelease}\n`));
    assert.match(
      released.stderr,
      /credential may still work\n {2}why: lse_.* at demo-postgres.*\n.*\n {2}code: NOT_CONTAINED/,
    );
    let isOver = false;
    const revoking = cli.run(['revoke', toRevoke, '--reason', 'closed']).finally(() => {
      isOver = true;
    });
    const show = ['grants', 'show', toRevoke];
    await until(
      'the target was tried',
      20_000,
      async () => (await cli.json(show)).leases[0].last_error !== null,
    );
    assert.ok(!isOver, 'revoke returned while the credential may still work');
    await cli.openTarget();
    const revoked = await revoking;
    assert.equal(revoked.code, 0, revoked.stderr);
    assert.doesNotMatch(revoked.stdout, /\nends /);
    // Nobody can use it once it is contained, which is what revoke waits for; that nothing of it is left comes after that.
    await until(
      'the grant has ended',
      20_000,
      async () => (await cli.json(show)).grant.ended_at ?? undefined,
    );
    assert.match((await cli.run(show)).stdout, /\nended +\d+s ago/);
    for (const id of [grantId, toRelease])
      assert.equal((await cli.run(['revoke', id, '--reason', 'x'])).code, 0);
    const again = await cli.run(['revoke', toRevoke, '--reason', 'again']);
    assert.equal(again.code, 0);
    assert.match(
      again.stderr,
      /had ended already, \d+s ago .*: revoked; nothing was changed, and the reason/,
    );
    await until('no role is left', 20_000, async () => (await cli.liveRoles()).length === 0);
    await cli.assertNothingIsLeft();
  });

  it('says what became of the access, and whose the exit code is, when the sidecar stops meanwhile', async () => {
    const script = 'until [ -e gone ]; do sleep 0.05; done; exit 5';
    const { child, ended, grantId } = await startExec('outlives its sidecar', { script });
    const told = once(child.stderr, 'data') as Promise<[Buffer]>;
    await cli.mesh.stopService('sidecar');
    assert.match(String((await told)[0]), /the sidecar went away: .*; the command goes on/);
    writeFileSync(path.join(cli.directory, 'gone'), '');
    const { code, stderr } = await ended;
    await cli.mesh.startService('sidecar');
    assert.equal(code, 5);
    assert.match(
      stderr,
      new RegExp(
        `${grantId} could not be given back: a sidecar that was stopped has done so itself; one that was killed leaves it to end in .*; exit code 5 is the command's own\n$`,
      ),
    );
    await cli.assertNothingIsLeft();
  });

  it('leaves a role to nobody when exec is killed outright', async () => {
    const { child, ended, grantId } = await startExec('killed outright', { script: 'exec sleep 2' });
    child.kill('SIGKILL');
    await ended;
    const grant = await until('its lease is revoked', 20_000, async () => {
      const shown = await cli.json(['grants', 'show', grantId]);
      return shown.leases[0].state === 'revoked' && shown.grant;
    });
    assert.equal(grant.end_reason, 'abandoned');
    assert.deepEqual(await cli.liveRoles(), []);
    for (const left of readdirSync(cli.runtime))
      assert.equal(statSync(path.join(cli.runtime, left)).mode & 0o077, 0);
  });

  it('keeps the trace that it is called in', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const { code, stdout } = await cli.run(
      ['exec', 'demo-db', 'read', '--', 'sh', '-c', 'echo $TRACEPARENT'],
      {
        env: {
          TRACEPARENT: `00-${trace}-b7ad6b7169203331-01`,
          OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        },
      },
    );
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01\n$`));
  });
});
