import { createHash, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { ServiceError } from '@stint/common/errors.ts';
import {
  ensurePrivateDirectory,
  PrivateFileError,
  removeAbandonedCopies,
} from '@stint/common/private-file.ts';
import { spiffeIdFault, type TrustDomain, trustDomainOf } from '@stint/common/spiffe-id.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { type IssuedSvid, type SvidIssuer, type SvidRequest, svidTtlMsMax } from '../domain/svid-issuer.ts';
import {
  CaFilesError,
  createRootFile,
  readCaFile,
  replaceIssuingFile,
  requireInTime,
  requireSignedBy,
} from './ca-files.ts';
import { backdateMs, type SigningCa, signIssuingCa, signLeaf, signRoot } from './certificate.ts';
import { requireP256 } from './certificate-request.ts';

const generateKeyPairAsync = promisify(generateKeyPair);

const dayMs = 86_400_000;

/** Life of a root, in milliseconds: ten years. Changing it means changing what every workload trusts. */
export const rootLifeMs = 3_652 * dayMs;

/** Life of an issuing CA, in milliseconds: 30 days. Nobody stores it: it travels with every chain it signed. */
export const issuingLifeMs = 30 * dayMs;

/**
 * An issuing CA with less than this left is replaced, in milliseconds: 10 days. Long before the longest leaf could be
 * cut by its end; leaves of the one before stay good, for they carry their own chain.
 */
export const issuingRenewalMs = 10 * dayMs;

/** Where a CA lives and what it is for. */
export type CertificateAuthorityOptions = {
  /** Made if missing, 0700. */
  readonly directory: string;
  readonly trustDomain: TrustDomain;
  readonly clock: Clock;
  /** Told when the issuing CA is due and could not be replaced; it goes on signing until its end. */
  readonly onRenewalFailure: (failure: unknown) => void;
};

/**
 * The trust domain's CA: a root that signs issuing CAs and an issuing CA that signs SVIDs, ECDSA P-256, each a file of
 * certificate and key in a private directory.
 *
 * Opening makes what is missing, and the same steps renew the issuing CA. What a crash leaves, at any line:
 * 1. The directory. Crash after: an empty directory.
 * 2. The root in a `.partial` copy. Crash after: a key nobody trusts; a later start removes the copy.
 * 3. The copy gets the root's name, unless another process was first: then that one's root is used.
 *    Crash after: a root alone; the next start goes on with 4.
 * 4. The issuing CA in a `.partial` copy. Crash after: as 2, and the CA is whole without it.
 * 5. The copy gets the issuing CA's name. Two processes may each make one: both were signed by the one root, the later
 *    stays in the file, and what the other signed is as good.
 * So there is never an issuing CA without its root, and files that do not belong together were brought there by hand:
 * they are refused.
 */
export class CertificateAuthority implements SvidIssuer {
  readonly #options: CertificateAuthorityOptions;
  readonly #root: SigningCa;
  #issuing: SigningCa;
  #renewal: Promise<SigningCa> | undefined;

  private constructor(options: CertificateAuthorityOptions, root: SigningCa, issuing: SigningCa) {
    this.#options = options;
    this.#root = root;
    this.#issuing = issuing;
  }

  /**
   * Opens the CA in the directory, or makes it.
   * @throws CaFilesError when what is there cannot be used; see {@link CaFilesError}.
   */
  static async open(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
    const { directory, trustDomain, clock } = options;
    await makeDirectory(directory, clock.now());
    // Read before the root: another process that is making both writes the root first.
    const found = await readCaFile(directory, 'issuing', trustDomain);
    const root = (await readCaFile(directory, 'root', trustDomain)) ?? (await makeRoot(options, found));
    requireInTime(root, directory, clock.now());
    if (found !== undefined) requireSignedBy(root, found, directory);
    const issuing =
      found !== undefined && !isDue(found, clock.now()) ? found : await makeIssuing(options, root);
    return new CertificateAuthority(options, root, issuing);
  }

  /** Roots of the trust domain, DER: what peers are told to trust. */
  get bundleDer(): readonly Buffer[] {
    return [this.#root.certificate.raw];
  }

  /** The same in PEM, for programs that read a file. */
  get bundlePem(): string {
    return this.#root.certificate.toString();
  }

  async issue(request: SvidRequest): Promise<IssuedSvid> {
    this.#refuse(request);
    const { spiffeId, publicKeyDer, ttlMs, now, hostNames = [] } = request;
    const issuer = await this.#issuer(now);
    const contents = {
      spiffeId,
      publicKeyDer,
      hostNames,
      notBefore: Math.max(now - backdateMs, issuer.certificate.validFromDate.getTime()),
      notAfter: Math.min(now + ttlMs, issuer.certificate.validToDate.getTime()),
    };
    const leaf = signLeaf(contents, issuer);
    return {
      spiffeId,
      certificatesDer: [leaf.raw, issuer.certificate.raw],
      bundleDer: this.bundleDer,
      expiresAt: leaf.validToDate.getTime(),
      sha256: createHash('sha256').update(leaf.raw).digest('hex'),
      serialNumber: leaf.serialNumber.toLowerCase(),
    };
  }

  // What is certified is checked here again, whoever asks: this is the last place before the signature.
  #refuse({ spiffeId, publicKeyDer, ttlMs }: SvidRequest): void {
    const fault = spiffeIdFault(spiffeId);
    if (fault !== undefined)
      throw new ServiceError('INVALID_FIELD', `spiffe_id: ${fault}`, { metadata: { field: 'spiffe_id' } });
    if (trustDomainOf(spiffeId) !== this.#options.trustDomain) {
      throw new ServiceError(
        'INVALID_FIELD',
        `spiffe_id: it is not in the trust domain "${this.#options.trustDomain}"`,
        {
          metadata: { field: 'spiffe_id' },
        },
      );
    }
    if (!(ttlMs >= 1_000 && ttlMs <= svidTtlMsMax)) {
      throw new ServiceError('TTL_OUT_OF_RANGE', 'an SVID lives 1 second to 24 hours', {
        metadata: { max_seconds: String(svidTtlMsMax / 1_000) },
      });
    }
    requireP256(publicKeyDer);
  }

  async #issuer(now: UnixMs): Promise<SigningCa> {
    if (!isDue(this.#issuing, now)) return this.#issuing;
    try {
      this.#renewal ??= this.#renew(now).finally(() => {
        this.#renewal = undefined;
      });
      return await this.#renewal;
    } catch (failure) {
      if (now >= this.#issuing.certificate.validToDate.getTime()) throw failure;
      this.#options.onRenewalFailure(failure);
      return this.#issuing;
    }
  }

  async #renew(now: UnixMs): Promise<SigningCa> {
    const { directory, trustDomain } = this.#options;
    const found = await readCaFile(directory, 'issuing', trustDomain);
    if (found !== undefined) requireSignedBy(this.#root, found, directory);
    // Another process on the same directory may have been first.
    this.#issuing =
      found !== undefined && !isDue(found, now) ? found : await makeIssuing(this.#options, this.#root);
    return this.#issuing;
  }
}

async function makeDirectory(directory: string, now: UnixMs): Promise<void> {
  try {
    await ensurePrivateDirectory(directory); // step 1
    await removeAbandonedCopies(directory, now);
  } catch (cause) {
    throw new CaFilesError(
      cause instanceof PrivateFileError ? cause.message : `"${directory}" cannot be used for the CA`,
      cause,
    );
  }
}

async function makeRoot(
  options: CertificateAuthorityOptions,
  issuing: SigningCa | undefined,
): Promise<SigningCa> {
  const { directory, trustDomain, clock } = options;
  if (issuing !== undefined) {
    throw new CaFilesError(
      `"${directory}" has an issuing CA and no root.pem: restore root.pem, or empty the directory to make a new CA, which nobody trusts yet`,
    );
  }
  const now = clock.now();
  const contents = {
    ...(await newCaKey()),
    trustDomain,
    notBefore: now - backdateMs,
    notAfter: now + rootLifeMs,
  };
  await createRootFile(directory, signRoot(contents)); // steps 2 and 3
  const root = await readCaFile(directory, 'root', trustDomain);
  if (root === undefined)
    throw new CaFilesError(`"${directory}" lost its root.pem while the CA was being made`);
  return root;
}

async function makeIssuing(options: CertificateAuthorityOptions, root: SigningCa): Promise<SigningCa> {
  const { directory, trustDomain, clock } = options;
  const now = clock.now();
  const contents = {
    ...(await newCaKey()),
    trustDomain,
    notBefore: now - backdateMs,
    notAfter: now + issuingLifeMs,
  };
  const issuing = signIssuingCa(contents, root);
  await replaceIssuingFile(directory, issuing); // steps 4 and 5
  return issuing;
}

async function newCaKey() {
  const pair = await generateKeyPairAsync('ec', { namedCurve: 'P-256' });
  return { key: pair.privateKey, publicKeyDer: pair.publicKey.export({ format: 'der', type: 'spki' }) };
}

// Also when its time has not come: it was made while the clock was wrong, and nothing it signs would be good now.
function isDue({ certificate }: SigningCa, now: UnixMs): boolean {
  const isEarly = now < certificate.validFromDate.getTime();
  return isEarly || certificate.validToDate.getTime() - now < issuingRenewalMs;
}
