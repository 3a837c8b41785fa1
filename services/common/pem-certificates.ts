import { X509Certificate } from 'node:crypto';

/** Longest text of certificates, in characters: each has about a thousand. */
export const pemLengthMax = 65_536;

const [begin, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];

/** Why a text holds no certificates that can be used; the message says it of the text: `it holds …`. */
export class PemCertificatesError extends Error {
  constructor(fault: string, cause?: unknown) {
    super(fault, cause === undefined ? undefined : { cause });
    this.name = 'PemCertificatesError';
  }
}

/**
 * Reads the certificates of a text in their order, each DER; at least one. Whatever stands between them, such as a key, is
 * passed over. Source: RFC 7468 §5.
 * @throws PemCertificatesError when the text is longer than {@link pemLengthMax}, when there is none, and when one cannot be
 * decoded, which it names by its number.
 */
export function readCertificates(text: string): Buffer[] {
  if (text.length > pemLengthMax)
    throw new PemCertificatesError(`it is longer than ${pemLengthMax} characters`);
  const [, ...blocks] = text.split(begin);
  if (blocks.length === 0) throw new PemCertificatesError('it holds no certificate in PEM');
  return blocks.map((block, i) => {
    const [body, ...behind] = block.split(end);
    if (behind.length === 0) throw new PemCertificatesError(`certificate ${i + 1} of it has no end`);
    try {
      return new X509Certificate(`${begin}${body}${end}`).raw;
    } catch (cause) {
      throw new PemCertificatesError(`certificate ${i + 1} of it cannot be decoded`, cause);
    }
  });
}
