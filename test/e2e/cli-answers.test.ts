import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
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
      /^stint: grt_\w+ was held already, .*: --ttl is not heeded, its lease ends in 1m/,
    );
    for (const _ of ['first', 'second']) await cli.json(['release', grant.id]);
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
});
