import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type MeshFile, writeMeshFile } from '../../deploy/mesh/mesh-file.ts';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { CliError } from './cli-error.ts';
import { type EndpointSources, findEndpoints } from './endpoints.ts';

const uid = process.geteuid?.() ?? 0;

function meshIn(directory: string): string {
  const file = path.join(directory, '.stint/mesh.json');
  mkdirSync(path.dirname(file), { recursive: true });
  const content: MeshFile = {
    version: 1,
    pid: 1,
    trustDomain: 'stint.local',
    brokerSocket: '/run/broker.sock',
    auditorSocket: '/run/auditor.sock',
    sidecarSocket: '/run/sidecar.sock',
    logDirectory: '/var/log/stint',
    ports: { mesh: 1, bootstrap: 2, auditor: 3, nats: 4, postgres: 5 },
  };
  writeMeshFile(file, content);
  return file;
}

const find = (sources: Partial<EndpointSources>) =>
  findEndpoints({ flags: {}, environment: {}, directory: '/', uid, ...sources });

test('a flag goes before a variable, a variable before the mesh file, the mesh file before XDG', (t) => {
  const directory = tempDir(t);
  const file = meshIn(directory);
  const environment = { STINT_SIDECAR_SOCKET: '/v/s.sock', XDG_RUNTIME_DIR: '/run/user/1' };
  const flags = { sidecar: 'f/s.sock' };
  const [byFlag, byVariable, byFile, byXdg] = [
    find({ flags, environment, directory }),
    find({ environment, directory }),
    find({ directory, environment: { XDG_RUNTIME_DIR: '/run/user/1' } }),
    find({ environment: { XDG_RUNTIME_DIR: '/run/user/1' } }),
  ].map(({ sidecar }) => sidecar);
  assert.deepEqual(byFlag, { path: path.join(directory, 'f/s.sock'), source: '--sidecar-socket' });
  assert.deepEqual(byVariable, { path: '/v/s.sock', source: 'STINT_SIDECAR_SOCKET' });
  assert.deepEqual(byFile, { path: '/run/sidecar.sock', source: file });
  assert.deepEqual(byXdg, { path: '/run/user/1/stint/sidecar.sock', source: 'XDG_RUNTIME_DIR' });
});

test('the nearest mesh file above counts', (t) => {
  const directory = tempDir(t);
  meshIn(directory);
  const nearer = meshIn(path.join(directory, 'a'));
  const below = path.join(directory, 'a/b/c');
  mkdirSync(below, { recursive: true });
  assert.equal(find({ directory: below }).broker?.source, nearer);
  assert.equal(find({ directory: below }).log?.path, '/var/log/stint');
});

test('a variable names a whole mesh wherever the command stands, and never another than the one it names', (t) => {
  const directory = tempDir(t);
  const file = meshIn(path.join(directory, 'named'));
  meshIn(directory);
  const environment = { STINT_STATE_DIR: path.dirname(file), STINT_SIDECAR_SOCKET: '/v/s.sock' };
  const found = find({ environment, directory });
  assert.equal(found.sidecar?.path, '/v/s.sock');
  assert.deepEqual(found.broker, { path: '/run/broker.sock', source: file });
  assert.throws(
    () => find({ environment: { STINT_STATE_DIR: path.join(directory, 'gone') }, directory }),
    (thrown) => thrown instanceof CliError && thrown.failure.reason === 'NOT_RUNNING',
  );
  chmodSync(file, 0o666);
  assert.throws(() => find({ environment, directory }), CliError);
});

test('a mesh file that others wrote or may write is refused, unless everything is named without it', (t) => {
  const directory = tempDir(t);
  const file = meshIn(directory);
  const isUntrusted = (thrown: unknown) =>
    thrown instanceof CliError && thrown.failure.reason === 'MESH_FILE_UNTRUSTED';
  assert.throws(() => find({ directory, uid: uid + 1 }), isUntrusted);
  chmodSync(file, 0o666);
  assert.throws(() => find({ directory }), isUntrusted);
  const flags = { sidecar: '/s', broker: '/b', auditor: '/a', log: '/l' };
  assert.equal(find({ directory, flags }).sidecar?.path, '/s');
});

test('a mesh file that is none is refused with its field; an empty one and relative XDG directories are passed over', (t) => {
  const directory = tempDir(t);
  const file = meshIn(directory);
  const whole = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  const faults: readonly [string, string][] = [
    ['{"version":1,"por', 'it is not JSON ('],
    ['7', 'it must hold one JSON object'],
    [JSON.stringify({ ...whole, version: 2 }), '"version" must be 1, and is 2'],
    [JSON.stringify({ ...whole, brokerSocket: 5 }), '"brokerSocket" must be a text, and is 5'],
    [
      JSON.stringify({ ...whole, ports: { ...whole['ports'], nats: 70_000 } }),
      '"ports.nats" must be a port, 1 to 65535, and is 70000',
    ],
    [
      JSON.stringify({ ...whole, ports: undefined }),
      '"ports.mesh" must be a port, 1 to 65535, and is absent',
    ],
  ];
  for (const [text, why] of faults) {
    writeFileSync(file, text);
    assert.throws(
      () => find({ directory }),
      (thrown) => {
        assert.ok(thrown instanceof CliError);
        assert.equal(thrown.failure.reason, 'FILE_UNUSABLE');
        assert.equal(thrown.failure.what, `"${file}" cannot be used`);
        assert.ok(thrown.failure.why.startsWith(why), thrown.failure.why);
        return true;
      },
    );
  }
  writeFileSync(file, '');
  assert.equal(find({ directory }).sidecar, undefined);
  assert.equal(find({ environment: { XDG_RUNTIME_DIR: 'run' } }).sidecar, undefined);
});

test('the log of a user without a mesh file is in their state directory', () => {
  assert.equal(find({ environment: { HOME: '/home/u' } }).log?.path, '/home/u/.local/state/stint/log');
  assert.equal(find({ environment: { HOME: '/home/u', XDG_STATE_HOME: '/s' } }).log?.path, '/s/stint/log');
});
