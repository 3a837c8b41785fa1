import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { StintOnMesh } from '../harness/stint-on-mesh.ts';

test('status names a target that is down, says why, and when it is back', {
  skip: skipWithoutMesh,
}, async (t) => {
  const cli = await StintOnMesh.start(t);
  const ask = () => cli.run(['request', 'demo-db', 'read', '--fresh', '--reason', 'test', '-o', 'json']);
  const inJson = async (...args: string[]) =>
    JSON.parse((await cli.run(['status', '-o', 'json', ...args])).stdout);

  await cli.mesh.target.server.stop();
  const refused = await ask();
  const { reason, metadata } = JSON.parse(refused.stderr).error;
  assert.deepEqual([refused.code, reason], [1, 'PROVIDER_UNAVAILABLE']);
  assert.match(metadata.request_id, /^req_/);
  const down = await cli.run(['status']);
  assert.equal(down.code, 1);
  assert.match(
    down.stdout,
    /^target +unwell +demo-postgres +away for \S+: it cannot be reached \(ECONNREFUSED\); postgres, last asked \S+ ago$/m,
  );
  assert.match(down.stdout, /^broker +up /m);
  const { healthy, parts, targets } = await inJson();
  assert.deepEqual([healthy, parts.broker.state, targets[0].state], [false, 'up', 'unwell']);

  await cli.mesh.startTarget();
  const granted = await ask();
  assert.equal(granted.code, 0, granted.stderr);
  const up = await cli.run(['status']);
  assert.equal(up.code, 0, up.stdout);
  assert.match(up.stdout, /^target +up +demo-postgres +has answered for \S+; postgres, last asked \S+ ago$/m);
  await cli.json(['release', JSON.parse(granted.stdout).grant.id]);
  assert.equal((await inJson('--broker-socket', '/nowhere')).targets, null);
  await cli.assertNothingIsLeft();
});
