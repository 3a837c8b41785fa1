import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generateKeyPairCallback,
  type KeyObject,
  webcrypto,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { readCertificates } from '@stint/common/pem-certificates.ts';
import { Secret } from '@stint/common/secret.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';

type KeyPair = Awaited<ReturnType<typeof newKeys>>;

/** What a key may be used for, by the names of RFC 5280 §4.2.1.3. */
export type KeyUsageName = keyof typeof KeyUsageFlags;

/** How a leaf is to be; what is not said is as an SVID must be. Every way of being wrong can be asked for. */
export type LeafOptions = {
  /** URI SANs; by default the one that `issue` was asked for. */
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly subject?: string;
  readonly sanIsCritical?: boolean;
  readonly notBefore?: UnixMs;
  readonly notAfter?: UnixMs;
  readonly isCa?: boolean;
  /** Null: no key usage extension. */
  readonly keyUsage?: readonly KeyUsageName[] | null;
  readonly keyUsageIsCritical?: boolean;
  /** Null: no extended key usage extension. */
  readonly purposes?: readonly ('client' | 'server')[] | null;
};

const hourMs = 3_600_000;

/** A trust domain's CA for tests: a self-signed root, an issuing CA, and leaves as right or wrong as a test needs. */
export class TestCa {
  readonly rootDer: Buffer;
  readonly bundlePem: string;
  readonly #issuing: { readonly certificate: X509Certificate; readonly keys: KeyPair };

  private constructor(root: X509Certificate, issuing: { certificate: X509Certificate; keys: KeyPair }) {
    this.rootDer = Buffer.from(root.rawData);
    this.bundlePem = `${root.toString('pem')}\n`;
    this.#issuing = issuing;
  }

  /** Makes the root and the issuing CA, valid for a year around now. */
  static async create(trustDomain = 'stint.local'): Promise<TestCa> {
    const [rootKeys, issuingKeys] = await Promise.all([newKeys(), newKeys()]);
    const validity = {
      notBefore: new Date(Date.now() - hourMs),
      notAfter: new Date(Date.now() + 8_760 * hourMs),
    };
    const root = await certify({
      ...validity,
      subject: 'CN=Test Root',
      issuer: 'CN=Test Root',
      keys: rootKeys,
      signer: rootKeys,
      extensions: caExtensions(trustDomain),
    });
    const issuing = await certify({
      ...validity,
      subject: 'CN=Test Issuing CA',
      issuer: root.subject,
      keys: issuingKeys,
      signer: rootKeys,
      extensions: caExtensions(trustDomain),
    });
    return new TestCa(root, { certificate: issuing, keys: issuingKeys });
  }

  /**
   * The CA that a broker keeps in this folder: what it issues is trusted by that broker's mesh as far as TLS looks.
   * A test may do that; a workload never sees the folder.
   */
  static async ofBroker(directory: string): Promise<TestCa> {
    const [root, issuing] = ['root.pem', 'issuing.pem'].map((name) =>
      readFileSync(path.join(directory, name), 'utf8'),
    ) as [string, string];
    const keys = await importKeys(createPrivateKey(issuing));
    return new TestCa(certificateOf(root), {
      certificate: certificateOf(issuing),
      keys,
    });
  }

  /** Issues an SVID, valid from a minute ago for an hour unless told otherwise. */
  async issue(spiffeId: string, options: LeafOptions = {}): Promise<SvidState> {
    const keys = await newKeys();
    const notBefore = options.notBefore ?? Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
    const notAfter = options.notAfter ?? notBefore + hourMs;
    const leaf = await certify({
      subject: options.subject ?? 'CN=test workload',
      issuer: this.#issuing.certificate.subject,
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      keys,
      signer: this.#issuing.keys,
      extensions: leafExtensions(spiffeId, options),
    });
    const certificatesDer = [leaf, this.#issuing.certificate].map((certificate) =>
      Buffer.from(certificate.rawData),
    );
    return {
      svid: {
        spiffeId: spiffeId as SpiffeId,
        certificatesDer,
        certificatesPem: `${leaf.toString('pem')}\n${this.#issuing.certificate.toString('pem')}\n`,
        privateKeyPem: new Secret(keys.privateKeyPem),
        notBefore,
        expiresAt: notAfter,
        sha256: createHash('sha256').update(Buffer.from(leaf.rawData)).digest('hex'),
      },
      bundlePem: this.bundlePem,
      bundleDer: [this.rootDer],
    };
  }

  /** A source that holds a fresh SVID for that ID. */
  async source(spiffeId: string, options: LeafOptions = {}): Promise<SettableSvidSource> {
    return new SettableSvidSource(await this.issue(spiffeId, options));
  }
}

/** An SVID source that changes when a test says so. */
export class SettableSvidSource implements SvidSource {
  #state: SvidState;
  readonly #listeners = new Set<(state: SvidState) => void>();

  constructor(state: SvidState) {
    this.#state = state;
  }

  /** How many are told of changes: none after a clean end. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  current(): SvidState {
    return this.#state;
  }

  onChange(listener: (state: SvidState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(state: SvidState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

/** The certificate of a file that holds a key as well. */
function certificateOf(text: string): X509Certificate {
  const [der] = readCertificates(text);
  return new X509Certificate(der as Buffer);
}

function caExtensions(trustDomain: string): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
  ];
}

function leafExtensions(spiffeId: string, options: LeafOptions): Extension[] {
  const alternativeNames: JsonGeneralName[] = [
    ...(options.uris ?? [spiffeId]).map((value) => ({ type: 'url' as const, value })),
    ...(options.emails ?? []).map((value) => ({ type: 'email' as const, value })),
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const extensions: Extension[] = [new BasicConstraintsExtension(options.isCa ?? false, undefined, true)];
  if (alternativeNames.length > 0)
    extensions.push(new SubjectAlternativeNameExtension(alternativeNames, options.sanIsCritical ?? false));
  if (options.keyUsage !== null) {
    const names = options.keyUsage ?? ['digitalSignature'];
    const usage = names.reduce((bits, name) => bits | KeyUsageFlags[name], 0);
    extensions.push(new KeyUsagesExtension(usage, options.keyUsageIsCritical ?? true));
  }
  if (options.purposes !== null) {
    const purposes = options.purposes ?? ['client', 'server'];
    const oids = purposes.map((purpose) => ExtendedKeyUsage[`${purpose}Auth`]);
    extensions.push(new ExtendedKeyUsageExtension(oids));
  }
  return extensions;
}

async function newKeys() {
  const { privateKey } = await promisify(generateKeyPairCallback)('ec', { namedCurve: 'P-256' });
  return importKeys(privateKey);
}

async function importKeys(key: KeyObject) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    privateKeyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
}

function certify(facts: {
  subject: string;
  issuer: string;
  notBefore: Date;
  notAfter: Date;
  keys: KeyPair;
  signer: KeyPair;
  extensions: Extension[];
}): Promise<X509Certificate> {
  const { keys, signer, ...rest } = facts;
  return X509CertificateGenerator.create({
    ...rest,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
  });
}
