import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';

/** Longer than any start takes to look at its configuration, in milliseconds; one that hangs is killed then. */
const deadlineMs = 20_000;

const skip = existsSync('/proc/self') ? false : 'no /proc here';
const demo = ['--bundle-dir', path.join(repositoryRoot, 'deploy/demo')];
const brokerProgram = path.join(repositoryRoot, 'services/broker/main.ts');
const identity = ['--bundle-file', 'roots.pem', '--join-token-file', 'token'];

/** By service: an option that names a file or folder, a bad one, and what is said of it. */
const wrong: readonly [string, readonly string[], RegExp][] = [
  ['broker', ['--state-dir', '/proc/x'], /--state-dir: nothing can be written in "\/proc"/],
  ['broker', ['--admin-socket', '/proc/x/s'], /--admin-socket: nothing can be written in "\/proc"/],
  ['broker', ['--trust-bundle-file', '/proc/x/f'], /--trust-bundle-file: nothing can be written in "\/proc"/],
  ['broker', ['--providers-file', 'no.yaml'], /--providers-file: ".*\/no\.yaml" does not exist: make it, or/],
  ['broker', ['--bundle-dir', 'no'], /--bundle-dir: ".*\/no" does not exist: make it, or/],
  ['broker', ['--store-url-file', 'no'], /--store-url-file: ".*\/no" does not exist: make it, mode 0600, or/],
  ['broker', ['--config', 'no.json'], /\/no\.json: the file of --config cannot be read \(ENOENT\)/],
  ['auditor', ['--log-dir', '/proc/x'], /--log-dir: nothing can be written in "\/proc"/],
  ['auditor', ['--state-dir', '/proc/x'], /--state-dir: nothing can be written in "\/proc"/],
  ['auditor', ['--admin-socket', '/proc/x/s'], /--admin-socket: nothing can be written in "\/proc"/],
  ['sidecar', ['--socket', '/proc/x/s'], /--socket: nothing can be written in "\/proc"/],
  ['sidecar', ['--state-file', '/proc/x/f'], /--state-file: nothing can be written in "\/proc"/],
];

describe('a place that cannot be used ends the start at once, with its option and a cure', { skip }, () => {
  for (const [service, args, said] of wrong) {
    test(`${service} ${args.join(' ')}`, (t) => {
      const program = path.join(repositoryRoot, `services/${service}/main.ts`);
      const needed = { broker: demo, auditor: [], sidecar: identity }[service] ?? [];
      const { status, stderr } = spawnSync(process.execPath, [program, ...needed, ...args], {
        cwd: tempDir(t),
        encoding: 'utf8',
        timeout: deadlineMs,
        killSignal: 'SIGKILL',
      });
      assert.equal(status, 2, stderr);
      assert.match(stderr, said);
      assert.equal(stderr.trimEnd().split('\n').length, 2, stderr);
    });
  }

  test('a provider whose password file is missing, and an address that is taken, are said with what to do', async (t) => {
    const directory = tempDir(t);
    const settings = {
      host: '127.0.0.1',
      port: 1,
      user: 'u',
      sslmode: 'disable',
      passwordFile: path.join(directory, 'password'),
    };
    const provider = { name: 'demo-postgres', kind: 'postgres', settings };
    writeFileSync(path.join(directory, 'providers.json'), JSON.stringify({ providers: [provider] }));
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const start = () =>
      spawnSync(
        process.execPath,
        [brokerProgram, ...demo, '--providers-file', 'providers.json', '--mesh-listen', address],
        { cwd: directory, encoding: 'utf8', timeout: deadlineMs, killSignal: 'SIGKILL' },
      );
    const missing = start();
    assert.equal(missing.status, 1, missing.stderr);
    const said = `provider \\"demo-postgres\\": setting \\"passwordFile\\": \\"${settings.passwordFile}\\" does not exist: make it, or name another`;
    assert.ok(missing.stderr.includes(said), missing.stderr);
    writeFileSync(settings.passwordFile, 'x', { mode: 0o600 });
    const inUse = start();
    assert.equal(inUse.status, 1, inUse.stderr);
    assert.ok(inUse.stderr.includes(`address already in use ${address}`), inUse.stderr);
    assert.match(inUse.stderr, /"fix":"stop what listens there, or name another address/);
  });

  test('broker --check-config reads the files that files name, as the start does, and leaves no trace', (t) => {
    const directory = tempDir(t);
    const settings = { host: '127.0.0.1', port: 1, sslmode: 'disable' };
    const provider = (name: string) => ({
      name,
      kind: 'postgres',
      settings: { ...settings, passwordFile: path.join(directory, name) },
    });
    const providers = [provider('orders'), provider('people')];
    writeFileSync(path.join(directory, 'providers.json'), JSON.stringify({ providers }));
    const url = 'postgres://broker:hunter2@db.internal/stint?sslrootcert=no-root.pem';
    writeFileSync(path.join(directory, 'store.url'), url, { mode: 0o600 });
    const store = ['--store', 'postgresql', '--store-url-file', 'store.url'];
    const check = (...args: string[]) =>
      spawnSync(
        process.execPath,
        [brokerProgram, ...demo, '--providers-file', 'providers.json', ...args, '--check-config'],
        { cwd: directory, encoding: 'utf8', timeout: deadlineMs, killSignal: 'SIGKILL' },
      );
    writeFileSync(path.join(directory, 'people'), 'hunter2', { mode: 0o644 });
    const faulty = check(...store);
    assert.equal(faulty.status, 2, faulty.stderr);
    const [head, ...faults] = faulty.stderr.trimEnd().split('\n');
    assert.equal(head, 'stint broker does not start: 3 faults in its configuration');
    assert.match(
      faults[0] ?? '',
      /^ {2}provider "orders": setting "passwordFile": ".*" does not exist: make/,
    );
    assert.match(
      faults[1] ?? '',
      /^ {2}provider "people": .* has mode 0644: others may read it;.*chmod 0600/,
    );
    assert.match(faults[2] ?? '', /ENOENT.*'no-root\.pem'/);
    assert.doesNotMatch(faulty.stderr, /hunter2/);
    assert.match(check('--store', 'postgresql').stderr, /"postgresql" needs a storeUrlFile/);

    for (const { name } of providers) rmSync(path.join(directory, name), { force: true });
    for (const { name } of providers) writeFileSync(path.join(directory, name), 'x', { mode: 0o600 });
    writeFileSync(path.join(directory, 'no-root.pem'), 'pem');
    const good = check(...store);
    assert.deepEqual([good.status, good.stdout, good.stderr], [0, 'configuration is good\n', '']);
    assert.ok(!existsSync(path.join(directory, '.stint')));
  });

  test('stint dev --state-dir /proc/x', () => {
    const program = path.join(repositoryRoot, 'services/cli/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [program, 'dev', '--state-dir', '/proc/x'], {
      encoding: 'utf8',
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /--state-dir[^\n]*\n {2}why: nothing can be written in "\/proc"/);
  });
});
