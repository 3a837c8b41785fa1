import { unlink } from 'node:fs/promises';
import path from 'node:path';
import { isServiceError, ServiceError } from './errors.ts';
import { isJoinToken, joinTokenSha256 } from './join-token.ts';
import type { Log } from './log.ts';
import {
  ensurePrivateDirectory,
  PrivateFileError,
  readPrivateFile,
  replacePrivateFile,
} from './private-file.ts';
import { RotatingSvidSource } from './rotating-svid-source.ts';
import { Secret } from './secret.ts';
import { type SpiffeId, type TrustDomain, trustDomainOf } from './spiffe-id.ts';
import { verifySvidChain } from './svid-chain.ts';
import { newSvidKey, type SvidKey } from './svid-key.ts';
import { assembleSvidState, formatSvidState, type IssuedChain, parseSvidState } from './svid-state.ts';
import { type Clock, formatTime } from './time.ts';
import type { SvidState } from './x509-svid.ts';

/** The two ways to an SVID. Both check the server's identity, and both bound their own time. */
export interface SvidUpstream {
  /** By proof of identity, on the bootstrap listener. @throws ServiceError ATTESTATION_FAILED and whatever a call throws. */
  attest(joinToken: Secret, csrDer: Buffer): Promise<IssuedChain>;
  /** The trust domain's roots as the operator gave them: whom to believe while there is no SVID. */
  roots(): Promise<readonly Uint8Array[]>;
  /** By the SVID still held, on the mesh listener. */
  rotate(held: SvidState, csrDer: Buffer): Promise<IssuedChain>;
}

/** How a workload's side gets and keeps its SVID. */
export type AttestedSvidSourceOptions = {
  readonly trustDomain: TrustDomain;
  /** Whom we expect to be; undefined takes whatever identity the join token is for. */
  readonly spiffeId?: SpiffeId | undefined;
  /** File (0600) with a join token. Read again at each try, removed once it was spent. */
  readonly joinTokenFile: string;
  /**
   * File (0600, in a 0700 directory) that keeps key and chain for the next process, which then needs no join token while
   * the SVID lives. Undefined: the key exists in memory only. A thief of the file is this identity until the SVID ends.
   */
  readonly stateFile?: string | undefined;
  readonly upstream: SvidUpstream;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Pick<Log, 'info' | 'warn'>;
};

/**
 * Opens the SVID source of a workload's side: takes the SVID that the process before left in the state file if it is
 * still good, and otherwise attests once started. Rotation uses the SVID; after expiry, and when the broker refuses the
 * rotation, a fresh join token is enough to come back, without a restart.
 * @throws PrivateFileError when the state file's directory is open to others.
 */
export async function openAttestedSvidSource(
  options: AttestedSvidSourceOptions,
): Promise<RotatingSvidSource> {
  const { clock, log, random, stateFile } = options;
  const attested = new AttestedIdentity(options);
  const source = new RotatingSvidSource({
    clock,
    random,
    obtain: (held) => attested.obtain(held),
    onFailure: (error, nextAttemptAt) =>
      log.warn({ ...failureFacts(error), next_attempt_at: formatTime(nextAttemptAt) }, 'no new SVID'),
  });
  if (stateFile === undefined) return source;
  await ensurePrivateDirectory(path.dirname(stateFile));
  const left = await attested.readLeft(stateFile);
  if (left !== undefined) source.adopt(left);
  return source;
}

/** A refusal is told by reason and text, which say what to do: it comes at every try. A fault that nobody foresaw is told whole. */
function failureFacts(error: unknown): object {
  if (!isServiceError(error) || error.reason === 'INTERNAL') return { error };
  const { reason, message: detail, cause } = error;
  return { reason, detail, cause: cause instanceof Error ? cause.message : undefined };
}

/** A join token that was sent, and the key it was sent with: a repeat after a lost answer must bring the same key. */
type PendingAttestation = { readonly tokenSha256: string; readonly key: SvidKey };

class AttestedIdentity {
  readonly #options: AttestedSvidSourceOptions;
  #pending: PendingAttestation | undefined;
  /** A token that is known to be of no more use, and why. */
  #deadToken: { readonly tokenSha256: string; readonly why: string } | undefined;

  constructor(options: AttestedSvidSourceOptions) {
    this.#options = options;
  }

  async readLeft(stateFile: string): Promise<SvidState | undefined> {
    const { clock, log } = this.#options;
    try {
      const kept = await readPrivateFile(stateFile);
      const left = parseSvidState(kept);
      kept.destroy();
      this.#requireExpected(left);
      await this.#requireRoot(left);
      const now = clock.now();
      if (left.svid.notBefore <= now && now < left.svid.expiresAt) return left;
      log.info(
        { state_file: stateFile, expires_at: formatTime(left.svid.expiresAt) },
        'the SVID kept in the state file is over',
      );
    } catch (error) {
      if (error instanceof PrivateFileError && error.kind === 'missing') return undefined;
      log.warn({ error, state_file: stateFile }, 'the state file is not used');
    }
    return undefined;
  }

  async obtain(held: SvidState | undefined): Promise<SvidState> {
    const state = held === undefined ? await this.#attest() : await this.#rotate(held);
    await this.#keep(state);
    return state;
  }

  async #rotate(held: SvidState): Promise<SvidState> {
    try {
      const key = await newSvidKey();
      const state = assembleSvidState(
        await this.#options.upstream.rotate(held, key.csrDer),
        key.privateKeyPem,
      );
      this.#requireExpected(state, held.svid.spiffeId);
      return state;
    } catch (failure) {
      // With these a token would be spent for nothing.
      if (isServiceError(failure, 'IDENTITY_SUSPENDED', 'IDENTITY_UNKNOWN')) throw failure;
      // An operator who put a token there while the SVID still lives wants it used, e.g. after the CA was made anew.
      const token = await this.#readToken().catch(() => undefined);
      if (token === undefined) throw failure;
      return this.#attestWith(token);
    }
  }

  async #attest(): Promise<SvidState> {
    return this.#attestWith(await this.#readToken());
  }

  /**
   * 1 send token and key; 2 put the SVID together; 3 remove the token's file. A crash between the broker's spending and
   * the state file's writing loses the token with the key: the operator makes another one.
   */
  async #attestWith(token: Secret): Promise<SvidState> {
    const tokenSha256 = joinTokenSha256(token);
    if (this.#pending?.tokenSha256 !== tokenSha256) this.#pending = { tokenSha256, key: await newSvidKey() };
    const { key } = this.#pending;
    try {
      const issued = await this.#options.upstream.attest(token, key.csrDer);
      this.#setDead(tokenSha256, 'was used already');
      const state = assembleSvidState(issued, key.privateKeyPem);
      this.#requireExpected(state);
      await this.#removeTokenFile();
      this.#options.log.info({ spiffe_id: state.svid.spiffeId, evidence_sha256: tokenSha256 }, 'attested');
      return state;
    } catch (failure) {
      if (!isServiceError(failure, 'ATTESTATION_FAILED')) throw failure;
      this.#setDead(tokenSha256, 'was not accepted by the broker, whose log says why');
      throw this.#needToken('was not accepted by the broker, whose log says why', failure);
    }
  }

  #setDead(tokenSha256: string, why: string): void {
    this.#deadToken = { tokenSha256, why };
    this.#pending = undefined;
  }

  async #readToken(): Promise<Secret> {
    const { joinTokenFile } = this.#options;
    let contents: Secret;
    try {
      contents = await readPrivateFile(joinTokenFile);
    } catch (cause) {
      if (!(cause instanceof PrivateFileError)) throw cause;
      throw cause.kind === 'missing'
        ? this.#needToken('is missing', cause)
        : new ServiceError('IDENTITY_NOT_READY', cause.message, { cause });
    }
    const text = contents.revealText().trim();
    contents.destroy();
    if (!isJoinToken(text)) throw this.#needToken('has not the form of one');
    const token = new Secret(text);
    const dead = this.#deadToken;
    if (dead !== undefined && dead.tokenSha256 === joinTokenSha256(token)) throw this.#needToken(dead.why);
    return token;
  }

  #needToken(fault: string, cause?: unknown): ServiceError {
    const { joinTokenFile, spiffeId } = this.#options;
    const whose = spiffeId === undefined ? 'this identity' : `"${spiffeId}"`;
    return new ServiceError(
      'IDENTITY_NOT_READY',
      `the join token in "${joinTokenFile}" ${fault}: have the operator make one for ${whose} and write it there, mode 0600; it is read again at each try`,
      { cause },
    );
  }

  async #removeTokenFile(): Promise<void> {
    const { joinTokenFile, log } = this.#options;
    try {
      await unlink(joinTokenFile);
    } catch (error) {
      // It may be on a read-only mount. It is spent, so nothing is lost but tidiness.
      log.warn({ error, file: joinTokenFile }, 'the spent join token could not be removed');
    }
  }

  async #keep(state: SvidState): Promise<void> {
    const { log, stateFile } = this.#options;
    if (stateFile === undefined) return;
    try {
      await replacePrivateFile(stateFile, formatSvidState(state));
    } catch (error) {
      log.warn(
        { error, state_file: stateFile },
        'the SVID is not kept for the next process, which will need a join token',
      );
    }
  }

  // Otherwise a restart after the root was made anew would hold on to an SVID that nobody takes, until its half life.
  async #requireRoot({ svid }: SvidState): Promise<void> {
    const rootsDer = await this.#options.upstream.roots();
    const verdict = verifySvidChain({ chainDer: svid.certificatesDer, rootsDer, at: svid.notBefore });
    if (verdict.kind === 'invalid')
      throw new ServiceError(
        'IDENTITY_NOT_READY',
        `the SVID kept is not of the trust bundle file: ${verdict.fault}`,
      );
  }

  #requireExpected({ svid }: SvidState, expected = this.#options.spiffeId): void {
    if (
      trustDomainOf(svid.spiffeId) === this.#options.trustDomain &&
      (expected === undefined || svid.spiffeId === expected)
    )
      return;
    const wanted = expected ?? `an identity of "${this.#options.trustDomain}"`;
    throw new ServiceError(
      'IDENTITY_NOT_READY',
      `the SVID received is for "${svid.spiffeId}", and ${wanted} is expected here`,
    );
  }
}
