import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { StintOnMesh } from '../harness/stint-on-mesh.ts';
import { suiteScope } from '../harness/suite-scope.ts';

describe('what a command tells of what it did not do', { skip: skipWithoutMesh }, () => {
  const scope = suiteScope();
  let cli: StintOnMesh;

  before(async () => {
    cli = await StintOnMesh.start(scope);
  });

  const request = ['request', 'demo-db', 'read'];

  it('a lifetime that shared access does not have is told with the one that it has', async () => {
    const { grant } = await cli.json([...request, '--ttl', '2m']);
    const shared = await cli.run([...request, '--ttl', '1m']);
    assert.match(
      shared.stderr,
      /^stint: grt_\w+ was held already, .*: --ttl changes nothing, its lease ends in (?:2m|1m5\ds)/,
    );
    for (const _ of ['first', 'second']) await cli.json(['release', grant.id]);
  });

  it('of access whose password a full disk did not take is told which grant to give back', async () => {
    const command = 'stint request demo-db read --fresh --show-secret > /dev/full';
    const options = { cwd: cli.directory, env: cli.environmentOf() };
    const end = promisify(execFile)('sh', ['-c', command], options);
    const { code, stderr } = (await end.catch((thrown: unknown) => thrown)) as Record<string, string>;
    assert.equal(code, 1);
    const [, id = '', again] =
      /\n {2}fix: (grt_\w+) is held .*: stint release (\S+)\n/.exec(stderr ?? '') ?? [];
    assert.equal(again, id);
    assert.equal((await cli.json(['release', id])).completed, true);
  });

  it('a grant that was revoked before is not called released', async () => {
    const { grant } = await cli.json([...request, '--fresh']);
    await cli.json(['revoke', grant.id, '--reason', 'test']);
    const { stdout, code } = await cli.run(['release', grant.id]);
    assert.match(
      stdout,
      /^grt_\w+ had ended before, \ds ago: revoked; there was nothing left to give back\n/,
    );
    assert.equal(code, 0);
    assert.equal((await cli.json(['release', grant.id])).end_reason, 'revoked');
  });

  it('a filter that names what is not registered is said to be one, and programs get the empty list', async () => {
    const { stdout, stderr, code } = await cli.run(['grants', 'list', '--resource', 'demo-bd', '-o', 'json']);
    assert.deepEqual([code, JSON.parse(stdout)], [0, { grants: [] }]);
    assert.equal(
      stderr,
      'stint: no resource "demo-bd" is registered; did you mean "demo-db"? see: stint registry list\n',
    );
    const holder = await cli.run(['grants', 'list', '--holder', 'spiffe://stint.local/nobody']);
    assert.match(
      holder.stderr,
      /^stint: no identity "spiffe:\S+" is registered; see: stint registry list\n$/,
    );
    const known = await cli.run(['grants', 'list', '--resource', 'demo-api']);
    assert.deepEqual([known.stdout, known.stderr], ['no grants\n', '']);
  });

  it('a place behind the end of the log is said to be one', async () => {
    const { stdout, stderr, code } = await cli.run(['audit', 'list', '--from', '99999']);
    assert.deepEqual([stdout, code], ['no records\n', 0]);
    assert.match(stderr, /^stint: there is no record 99999 yet: the log has \d+, from 0 on\n$/);
  });

  it('whatever needs what does not run says what to start', async () => {
    const nowhere = { cwd: '/', env: { XDG_RUNTIME_DIR: '' } };
    for (const line of [
      'audit list',
      'audit tail',
      'grants list',
      'request a b',
      'explain a b',
      'policy reload',
    ]) {
      const { stderr, code } = await cli.run(line.split(' '), nowhere);
      assert.equal(code, 1, line);
      assert.match(stderr, /^error: no mesh was found\n.*\n {2}fix: npm start /, line);
    }
  });
});
