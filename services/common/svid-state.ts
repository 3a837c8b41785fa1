import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ServiceError } from './errors.ts';
import { sha256 } from './merkle.ts';
import { Secret } from './secret.ts';
import { verifySvidChain } from './svid-chain.ts';
import type { SvidState } from './x509-svid.ts';

/** What an issuer answers: the chain and the roots, without the key, which never left its maker. */
export type IssuedChain = {
  /** Leaf first, then intermediates, each DER. */
  readonly certificatesDer: readonly Uint8Array[];
  /** Roots of the trust domain, each DER. */
  readonly bundleDer: readonly Uint8Array[];
};

/**
 * Puts an issued chain and its private key together, after checking that they belong together: the leaf is for this
 * key, names exactly one SPIFFE ID, and its chain ends, by signatures, at one of the roots. Whether it is in time is
 * for the caller, who has the clock.
 *
 * @throws ServiceError IDENTITY_NOT_READY saying which of these does not hold: an issuer's fault, never the caller's.
 */
export function assembleSvidState(issued: IssuedChain, privateKeyPem: Secret): SvidState {
  const certificates = issued.certificatesDer.map(readCertificate);
  const roots = issued.bundleDer.map(readCertificate);
  const leaf = certificates[0];
  if (leaf === undefined) throw unfit('it has no certificate');
  if (!privateKeyPem.reveal((pem) => leaf.checkPrivateKey(readPrivateKey(pem)))) {
    throw unfit('its certificate is for another key');
  }
  const notBefore = leaf.validFromDate.getTime();
  const verdict = verifySvidChain({
    chainDer: issued.certificatesDer,
    rootsDer: issued.bundleDer,
    at: notBefore,
  });
  if (verdict.kind === 'invalid') throw unfit(verdict.fault);
  return {
    svid: {
      spiffeId: verdict.spiffeId,
      certificatesDer: certificates.map((certificate) => certificate.raw),
      certificatesPem: certificates.map((certificate) => certificate.toString()).join(''),
      privateKeyPem,
      notBefore,
      expiresAt: leaf.validToDate.getTime(),
      sha256: sha256(leaf.raw).toString('hex'),
    },
    bundlePem: roots.map((root) => root.toString()).join(''),
    bundleDer: roots.map((root) => root.raw),
  };
}

// OpenSSL's own fault names neither a file nor a key.
function readPrivateKey(pem: Parameters<typeof createPrivateKey>[0]): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw unfit('its key is no private key in PEM');
  }
}

function readCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw unfit('it holds something that is not a certificate', cause);
  }
}

function unfit(fault: string, cause?: unknown): ServiceError {
  return new ServiceError('IDENTITY_NOT_READY', `the SVID received cannot be used: ${fault}`, { cause });
}

/** The text form in which an SVID and its key are kept: version 1. Certificates and roots are DER in base64, leaf first. */
type KeptSvidState = {
  readonly v: 1;
  readonly private_key_pem: string;
  readonly certificates: readonly string[];
  readonly bundle: readonly string[];
};

/** Writes an SVID with its key as text, for a private file. */
export function formatSvidState({ svid, bundleDer }: SvidState): string {
  const kept: KeptSvidState = {
    v: 1,
    private_key_pem: svid.privateKeyPem.revealText(),
    certificates: svid.certificatesDer.map((der) => der.toString('base64')),
    bundle: bundleDer.map((der) => der.toString('base64')),
  };
  return `${JSON.stringify(kept)}\n`;
}

/**
 * Reads what {@link formatSvidState} wrote, with the checks of {@link assembleSvidState}.
 * @throws Error or ServiceError when it is damaged; the text never stands in the message.
 */
export function parseSvidState(text: Secret): SvidState {
  const { private_key_pem: key, certificates, bundle } = parse(text.revealText());
  const issued = { certificatesDer: certificates.map(fromBase64), bundleDer: bundle.map(fromBase64) };
  return assembleSvidState(issued, new Secret(key));
}

function parse(text: string): KeptSvidState {
  const value = parseObject(text);
  const { v, private_key_pem: key, certificates, bundle } = value;
  if (v !== 1 || typeof key !== 'string' || !isTextList(certificates) || !isTextList(bundle)) {
    throw new Error('the kept SVID has not the form of version 1');
  }
  return { v, private_key_pem: key, certificates, bundle };
}

// JSON.parse's own message quotes the text, which holds a key.
function parseObject(text: string): Partial<Record<keyof KeptSvidState, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    throw new Error('the kept SVID is not JSON');
  }
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
