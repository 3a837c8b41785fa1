import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { isServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId, parseTrustDomain, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey, type SvidKey } from '@stint/common/svid-key.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import { type Clock, systemClock, type UnixMs } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { heldClock } from '../../../test/harness/held-clock.ts';
import { CaFilesError } from './ca-files.ts';
import {
  CertificateAuthority,
  issuingLifeMs,
  issuingRenewalMs,
  rootLifeMs,
} from './certificate-authority.ts';

const trustDomain = parseTrustDomain('stint.test');
const workload = parseSpiffeId('spiffe://stint.test/ci/deploy');
const hourMs = 3_600_000;
const scratch = mkdtempSync(path.join(tmpdir(), 'stint-ca-'));
let directories = 0;

after(() => rmSync(scratch, { recursive: true, force: true }));

function newDirectory(): string {
  directories += 1;
  return path.join(scratch, `ca-${directories}`);
}

function open(
  directory: string,
  options: { clock?: Clock; onRenewalFailure?: (failure: unknown) => void } = {},
) {
  return CertificateAuthority.open({
    directory,
    trustDomain,
    clock: options.clock ?? systemClock,
    onRenewalFailure: options.onRenewalFailure ?? ((failure) => assert.fail(String(failure))),
  });
}

function publicKeyDer(key: SvidKey): Buffer {
  return key.privateKeyPem.reveal((pem) => createPublicKey(pem).export({ format: 'der', type: 'spki' }));
}

async function issueFor(
  ca: CertificateAuthority,
  spiffeId: SpiffeId,
  options: { ttlMs?: number; now?: UnixMs; hostNames?: string[] } = {},
): Promise<SvidState> {
  const key = await newSvidKey();
  const { ttlMs = hourMs, now = Date.now(), hostNames = [] } = options;
  const issued = await ca.issue({ spiffeId, publicKeyDer: publicKeyDer(key), ttlMs, now, hostNames });
  return assembleSvidState(issued, key.privateKeyPem);
}

function writePem(state: SvidState): { root: string; chain: string; leaf: string } {
  const directory = mkdtempSync(path.join(scratch, 'pem-'));
  const files = {
    root: path.join(directory, 'root.pem'),
    chain: path.join(directory, 'chain.pem'),
    leaf: path.join(directory, 'leaf.pem'),
  };
  writeFileSync(files.root, state.bundlePem);
  writeFileSync(files.chain, state.svid.certificatesPem);
  writeFileSync(files.leaf, new X509Certificate(state.svid.certificatesDer[0] ?? '').toString());
  return files;
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('an SVID', () => {
  let ca: CertificateAuthority;
  let state: SvidState;
  before(async () => {
    ca = await open(newDirectory());
    state = await issueFor(ca, workload);
  });

  it('verifies with openssl in strict mode, for both ends of TLS', () => {
    const { root, chain, leaf } = writePem(state);
    for (const purpose of ['sslclient', 'sslserver']) {
      const text = openssl(
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        root,
        '-untrusted',
        chain,
        leaf,
      );
      assert.match(text, /: OK/);
    }
    assert.match(openssl('verify', '-x509_strict', '-CAfile', root, root), /: OK/);
  });

  it('has one URI name, critical, an empty subject, and the constraints and usages of the X.509-SVID standard', () => {
    const text = openssl('x509', '-in', writePem(state).leaf, '-noout', '-text');
    assert.match(text, /Subject: *\n/);
    assert.match(text, /Subject Alternative Name: critical\n\s+URI:spiffe:\/\/stint\.test\/ci\/deploy\n/);
    assert.match(text, /Basic Constraints: critical\n\s+CA:FALSE/);
    assert.match(text, /Key Usage: critical\n\s+Digital Signature\n/);
    assert.match(
      text,
      /Extended Key Usage: \n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
    );
    assert.match(text, /Subject Key Identifier/);
    assert.match(text, /Authority Key Identifier/);
    assert.match(text, /ecdsa-with-SHA256/);
  });

  it('encodes cA=false as an empty sequence, as DER wants', () => {
    const der = state.svid.certificatesDer[0] ?? Buffer.alloc(0);
    assert.ok(der.includes(Buffer.from('0603551d130101ff04023000', 'hex')));
  });

  it('begins a little in the past and has a positive random serial number', async () => {
    const now = Date.now();
    const other = await issueFor(ca, workload, { now });
    assert.ok(other.svid.notBefore <= now && now - other.svid.notBefore <= 11_000);
    const serials = [state, other].map(
      ({ svid }) => new X509Certificate(svid.certificatesDer[0] ?? '').serialNumber,
    );
    assert.notEqual(serials[0], serials[1]);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
  });

  it('is refused for another trust domain, a lifetime out of range and a key that is not P-256', async () => {
    const key = publicKeyDer(await newSvidKey());
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({
      format: 'der',
      type: 'spki',
    });
    const offCurve = Buffer.from(key);
    offCurve.fill(1, 40);
    const request = { spiffeId: workload, publicKeyDer: key, ttlMs: hourMs, now: Date.now() };
    const foreign = { ...request, spiffeId: parseSpiffeId('spiffe://other.test/ci/deploy') };
    const rootId = { ...request, spiffeId: 'spiffe://stint.test' as SpiffeId };
    for (const bad of [
      foreign,
      rootId,
      { ...request, publicKeyDer: p384 },
      { ...request, publicKeyDer: offCurve },
    ]) {
      await assert.rejects(ca.issue(bad), (e) => isServiceError(e, 'INVALID_FIELD'));
    }
    for (const ttlMs of [0, -1, 999, 86_400_001, Number.NaN]) {
      await assert.rejects(ca.issue({ ...request, ttlMs }), (e) => isServiceError(e, 'TTL_OUT_OF_RANGE'));
    }
  });

  it('never has a DNS name that reads like a SPIFFE ID, nor an e-mail name', async () => {
    for (const hostName of [
      'spiffe://stint.test/stint/auditor',
      'a b',
      'me@stint.test',
      'UPPER.test',
      '',
      'x'.repeat(254),
      '-a',
    ]) {
      await assert.rejects(
        issueFor(ca, workload, { hostNames: [hostName] }),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        hostName,
      );
    }
    const server = await issueFor(ca, workload, { hostNames: ['localhost', '127.0.0.1', '::1'] });
    const names = new X509Certificate(server.svid.certificatesDer[0] ?? '').subjectAltName;
    assert.equal(
      names,
      'URI:spiffe://stint.test/ci/deploy, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
  });

  it('authenticates both ends of a TLS connection', async () => {
    const server = await issueFor(ca, parseSpiffeId('spiffe://stint.test/stint/broker/b1'));
    const names = await handshake(server, state);
    assert.deepEqual(names, {
      client: 'URI:spiffe://stint.test/ci/deploy',
      server: 'URI:spiffe://stint.test/stint/broker/b1',
    });
  });

  it('of another CA of the same trust domain is not accepted', async () => {
    const stranger = await issueFor(await open(newDirectory()), workload);
    await assert.rejects(handshake(state, stranger));
    await assert.rejects(handshake(stranger, state));
  });
});

async function handshake(
  server: SvidState,
  client: SvidState,
): Promise<{ client: string | undefined; server: string | undefined }> {
  const tls = (state: SvidState) => ({
    cert: state.svid.certificatesPem,
    key: state.svid.privateKeyPem.revealText(),
    ca: state.bundlePem,
  });
  const listener = createServer({ ...tls(server), requestCert: true, rejectUnauthorized: true });
  const seen = Promise.withResolvers<string | undefined>();
  seen.promise.catch(() => undefined);
  listener.on('secureConnection', (socket: TLSSocket) => {
    seen.resolve(socket.getPeerX509Certificate()?.subjectAltName);
    socket.end('done');
  });
  listener.on('tlsClientError', seen.reject);
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  try {
    const socket = connect({
      ...tls(client),
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      checkServerIdentity: () => undefined,
    });
    await once(socket, 'secureConnect');
    const serverName = socket.getPeerX509Certificate()?.subjectAltName;
    socket.resume();
    await once(socket, 'close');
    return { client: await seen.promise, server: serverName };
  } finally {
    listener.close();
  }
}

describe('a CA directory', () => {
  it('holds two private files and nothing else', async () => {
    const directory = newDirectory();
    await open(directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(directory).sort(), ['issuing.pem', 'root.pem']);
    for (const name of readdirSync(directory))
      assert.equal(statSync(path.join(directory, name)).mode & 0o777, 0o600);
  });

  it('opened again gives the same root and issuing CA', async () => {
    const directory = newDirectory();
    const first = await issueFor(await open(directory), workload);
    const second = await issueFor(await open(directory), workload);
    assert.equal(first.bundlePem, second.bundlePem);
    assert.deepEqual(first.svid.certificatesDer[1], second.svid.certificatesDer[1]);
  });

  it('opened by many at once has one root, and all that they issue verifies', async () => {
    const directory = newDirectory();
    const authorities = await Promise.all(Array.from({ length: 8 }, () => open(directory)));
    const states = await Promise.all(authorities.map((ca) => issueFor(ca, workload)));
    assert.equal(new Set(states.map((state) => state.bundlePem)).size, 1);
    assert.deepEqual(readdirSync(directory).sort(), ['issuing.pem', 'root.pem']);
  });

  it('opened by several processes at once has one root', { timeout: 60_000 }, async () => {
    const directory = newDirectory();
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [openerFile(), directory], { stdio: 'inherit' }),
    );
    const exits = await Promise.all(children.map((child) => once(child, 'exit')));
    assert.deepEqual(
      exits.map(([code]) => code),
      [0, 0, 0, 0],
    );
    await issueFor(await open(directory), workload);
    assert.deepEqual(readdirSync(directory).sort(), ['issuing.pem', 'root.pem']);
  });

  const refusals: [string, RegExp, (directory: string) => void | Promise<void>][] = [
    ['the directory is open to others', /has mode 0755.*chmod 0700/, (d) => chmodSync(d, 0o755)],
    [
      'a key is readable by the group',
      /root\.pem" has mode 0640/,
      (d) => chmodSync(path.join(d, 'root.pem'), 0o640),
    ],
    ['the root is missing', /no root\.pem: restore/, (d) => rmSync(path.join(d, 'root.pem'))],
    [
      'a file is a link',
      /is a link/,
      (d) => {
        copyFileSync(path.join(d, 'root.pem'), path.join(scratch, 'elsewhere.pem'));
        rmSync(path.join(d, 'root.pem'));
        symlinkSync(path.join(scratch, 'elsewhere.pem'), path.join(d, 'root.pem'));
      },
    ],
    [
      'a file is cut short',
      /issuing\.pem" is damaged/,
      (d) => writeFileSync(path.join(d, 'issuing.pem'), '-----BEGIN CERT'),
    ],
    [
      'the issuing CA is of another root',
      /not signed by the root beside it/,
      async (d) => {
        const other = newDirectory();
        await open(other);
        copyFileSync(path.join(other, 'issuing.pem'), path.join(d, 'issuing.pem'));
      },
    ],
  ];
  for (const [name, message, damage] of refusals) {
    it(`is refused, and left as it is, when ${name}`, async () => {
      const directory = newDirectory();
      await open(directory);
      await damage(directory);
      const before = readdirSync(directory);
      await assert.rejects(open(directory), (e) => e instanceof CaFilesError && message.test(e.message));
      assert.deepEqual(readdirSync(directory), before);
    });
  }

  it('of another trust domain is refused', async () => {
    const directory = newDirectory();
    await open(directory);
    const other = CertificateAuthority.open({
      directory,
      trustDomain: parseTrustDomain('other.test'),
      clock: systemClock,
      onRenewalFailure: () => undefined,
    });
    await assert.rejects(other, /is of "URI:spiffe:\/\/stint\.test", and the trust domain is "other\.test"/);
  });

  it('is refused with a clear text when its root has expired', async () => {
    const directory = newDirectory();
    await open(directory);
    await assert.rejects(
      open(directory, { clock: heldClock(Date.now() + rootLifeMs + hourMs) }),
      /set the clock, or make a new/,
    );
  });
});

describe('the issuing CA', () => {
  it('is renewed well before its end, under the same root, and what the old one signed stays good', async () => {
    const clock = heldClock();
    const ca = await open(newDirectory(), { clock });
    const old = await issueFor(ca, workload, { now: clock.now() });
    clock.advance(issuingLifeMs - issuingRenewalMs + hourMs);
    const [renewed, atOnce] = await Promise.all([
      issueFor(ca, workload, { now: clock.now() }),
      issueFor(ca, workload, { now: clock.now() }),
    ]);
    assert.notDeepEqual(renewed.svid.certificatesDer[1], old.svid.certificatesDer[1]);
    assert.deepEqual(renewed.svid.certificatesDer[1], atOnce.svid.certificatesDer[1]);
    assert.equal(renewed.bundlePem, old.bundlePem);
    const seconds = String(Math.floor(clock.now() / 1000));
    const { root, chain, leaf } = writePem(renewed);
    assert.match(
      openssl('verify', '-x509_strict', '-attime', seconds, '-CAfile', root, '-untrusted', chain, leaf),
      /: OK/,
    );
  });

  it('made while the clock was far ahead is replaced once the clock is right again', async () => {
    const clock = heldClock();
    const directory = newDirectory();
    const ca = await open(directory, { clock });
    clock.advance(issuingLifeMs);
    await issueFor(ca, workload, { now: clock.now() });
    clock.advance(-issuingLifeMs);
    for (const authority of [ca, await open(directory, { clock })]) {
      const { svid } = await issueFor(authority, workload, { now: clock.now() });
      assert.ok(svid.notBefore <= clock.now() && clock.now() < svid.expiresAt);
    }
  });

  it('is shared by the processes of one directory: the second takes what the first renewed', async () => {
    const clock = heldClock();
    const directory = newDirectory();
    const [one, two] = [await open(directory, { clock }), await open(directory, { clock })];
    clock.advance(issuingLifeMs - issuingRenewalMs + hourMs);
    const first = await issueFor(one, workload, { now: clock.now() });
    const second = await issueFor(two, workload, { now: clock.now() });
    assert.deepEqual(first.svid.certificatesDer[1], second.svid.certificatesDer[1]);
  });

  it('that cannot be renewed goes on signing, never beyond its own end, and says so', async () => {
    const clock = heldClock();
    const directory = newDirectory();
    const failures: unknown[] = [];
    const ca = await open(directory, {
      clock,
      onRenewalFailure: (failure) => failures.push(failure),
    });
    const end = clock.now() + issuingLifeMs;
    writeFileSync(path.join(directory, 'issuing.pem'), 'damaged');
    clock.set(end - hourMs);
    const state = await issueFor(ca, workload, { now: clock.now(), ttlMs: 24 * hourMs });
    assert.equal(failures.length, 1);
    assert.ok(state.svid.expiresAt <= end);
    clock.set(end + 1_000);
    await assert.rejects(issueFor(ca, workload, { now: clock.now() }), CaFilesError);
  });
});

describe('a crash while the CA is being made', () => {
  // The child dies by SIGKILL right before its n-th call to the file system, for every n until it lives to the end.
  it('at any file operation leaves a directory that the next start completes to one whole CA', {
    timeout: 120_000,
  }, async () => {
    let n = 0;
    let isComplete = false;
    while (!isComplete) {
      n += 1;
      const directory = newDirectory();
      const child = spawn(process.execPath, ['--import', dieAtFileOperation(n), openerFile(), directory], {
        stdio: 'inherit',
      });
      const [code] = await once(child, 'exit');
      isComplete = code === 0;
      const ca = await open(directory);
      await issueFor(ca, workload);
      const again = await open(directory);
      assert.equal(again.bundlePem, ca.bundlePem, `killed before operation ${n}`);
    }
    assert.ok(n > 12, `${n} operations: the child was not killed where it should be`);
  });
});

function dieAtFileOperation(n: number): string {
  const source = `
    import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    let left = ${n};
    const count = (object, name) => {
      const real = object[name];
      object[name] = function (...args) {
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
        return real.apply(this, args);
      };
    };
    for (const name of ['open', 'link', 'rename', 'unlink', 'mkdir', 'lstat', 'readdir']) count(fs, name);
    const handle = await fs.open('/dev/null');
    left += 1;
    for (const name of ['sync', 'writeFile', 'readFile', 'stat', 'close']) count(Object.getPrototypeOf(handle), name);
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

function openerFile(): string {
  const file = path.join(scratch, 'open-ca.mjs');
  const module = path.join(import.meta.dirname, 'certificate-authority.ts');
  writeFileSync(
    file,
    `import { CertificateAuthority } from ${JSON.stringify(module)};
     await CertificateAuthority.open({ directory: process.argv[2], trustDomain: 'stint.test', clock: { now: () => Date.now() }, onRenewalFailure: () => {} });`,
  );
  return file;
}
