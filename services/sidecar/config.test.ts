import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '@stint/common/config/parse-config.ts';
import { sidecarConfig, socketPath } from './config.ts';

const files = ['--bundle-file', 'roots.pem', '--join-token-file', 'token'];

function parse(args: readonly string[], environment: Record<string, string> = {}) {
  return parseConfig(sidecarConfig, { args, environment, directory: '/srv/app' });
}

test('only what cannot be guessed must be set', () => {
  const outcome = parse(files);
  assert.ok(outcome.kind === 'run');
  assert.equal(outcome.config.bundleFile, '/srv/app/roots.pem');
  assert.deepEqual(outcome.config.broker, { host: '127.0.0.1', port: 7_301 });
  assert.equal(outcome.config.verifySilenceMax, 60_000);
  const nothing = parse([]);
  assert.ok(nothing.kind === 'print' && nothing.exitCode === 2);
  assert.match(nothing.text, /bundleFile.*must be set[\s\S]*joinTokenFile.*must be set/);
});

test('a misspelt option and a value out of bounds are refused, all at once', () => {
  const outcome = parse([...files, '--leases-max', '0'], { STINT_SIDECAR_SOCKETS: 'x' });
  assert.ok(outcome.kind === 'print');
  assert.match(outcome.text, /STINT_SIDECAR_SOCKETS/);
  assert.match(outcome.text, /leases-max/);
});

test('the socket is the configured one, else in the user’s runtime directory, else nowhere', () => {
  assert.equal(socketPath({ socket: '/a/b.sock' }, { XDG_RUNTIME_DIR: '/run/user/1' }), '/a/b.sock');
  assert.equal(
    socketPath({ socket: undefined }, { XDG_RUNTIME_DIR: '/run/user/1' }),
    '/run/user/1/stint/sidecar.sock',
  );
  assert.equal(socketPath({ socket: undefined }, {}), undefined);
});
