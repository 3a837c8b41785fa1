import { createPrivateKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { ed25519PublicKey, ed25519RawKey } from './ed25519.ts';
import { leafHash, sha256, treeHash } from './merkle.ts';
import { decodeBase64 } from './signed-note.ts';
import { parseSpiffeId, type SpiffeId, spiffeIdFault } from './spiffe-id.ts';
import { verifySvidChain } from './svid-chain.ts';
import type { UnixMs } from './time.ts';
import type { X509Svid } from './x509-svid.ts';

/** Most events in one batch, and most bytes of all its events: one NATS message stays under the server's 1 MiB. */
export const batchEventsMax = 256;
export const batchBytesMax = 900_000;

/** What a batch says of itself: one commit of one broker, chained to the commit before. */
export type BatchHeader = {
  readonly v: 1;
  readonly broker: SpiffeId;
  /** The process that signed: its key stands in its `epoch.started` event, the first event of the epoch. */
  readonly epoch: number;
  /** Sequence of the first event; the others follow without a gap. */
  readonly first_seq: number;
  readonly count: number;
  /** {@link batchHash} of the broker's batch before this one; empty for its very first. */
  readonly prev_batch_sha256: string;
  /** RFC 6962 tree hash over the events, hex. */
  readonly root: string;
  /** RFC 3339, when the batch was sealed. */
  readonly time: string;
};

/** A sealed batch: the header's exact bytes, their signature, and the events' exact bytes. */
export type SignedBatch = {
  readonly header: Buffer;
  readonly signature: Buffer;
  readonly events: readonly Buffer[];
};

/**
 * Seals one commit's events. `privateKey` is the epoch's Ed25519 key. Pure but for the signature.
 * @throws RangeError when there are no events or more than fit: the committer splits before it seals.
 */
export function sealBatch(
  facts: Omit<BatchHeader, 'v' | 'count' | 'root'>,
  events: readonly Buffer[],
  privateKey: KeyObject,
): SignedBatch {
  const bytes = events.reduce((sum, event) => sum + event.length, 0);
  if (events.length < 1 || events.length > batchEventsMax || bytes > batchBytesMax) {
    throw new RangeError(`batch: ${events.length} events of ${bytes} bytes do not fit`);
  }
  const root = treeHash(events.map(leafHash)).toString('hex');
  const header = Buffer.from(canonicalJson({ ...facts, v: 1, count: events.length, root }), 'utf8');
  return { header, signature: sign(null, header, privateKey), events };
}

/** The link of a broker's chain: SHA-256 over the header's bytes, hex. */
export function batchHash(header: Buffer): string {
  return sha256(header).toString('hex');
}

/**
 * Reads a header that came over the bus. Attacker-controlled: every field is checked, nothing is trusted before
 * {@link verifyBatch}.
 * @throws Error saying which field is wrong.
 */
export function parseBatchHeader(bytes: Buffer): BatchHeader {
  const value = parseCanonicalJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('batch header: not an object');
  const fields = value as Record<string, unknown>;
  const text = (name: string, grammar: RegExp): string => {
    const found = fields[name];
    if (typeof found !== 'string' || !grammar.test(found))
      throw new Error(`batch header: ${name} is malformed`);
    return found;
  };
  const whole = (name: string, min: number, max: number): number => {
    const found = fields[name];
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < min || found > max)
      throw new Error(`batch header: ${name} is malformed`);
    return found;
  };
  if (Object.keys(fields).length !== 8) throw new Error('batch header: fields are missing or unknown');
  return {
    v: whole('v', 1, 1) as 1,
    broker: parseSpiffeId(text('broker', /^spiffe:/), 'broker'),
    epoch: whole('epoch', 1, Number.MAX_SAFE_INTEGER),
    first_seq: whole('first_seq', 1, Number.MAX_SAFE_INTEGER),
    count: whole('count', 1, batchEventsMax),
    prev_batch_sha256: text('prev_batch_sha256', /^(?:[0-9a-f]{64})?$/),
    root: text('root', /^[0-9a-f]{64}$/),
    time: text('time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  };
}

/** Whether the batch is whole and signed by that epoch key: signature, count, and the tree hash of its events. */
export function verifyBatch(batch: SignedBatch, header: BatchHeader, epochKey: KeyObject): boolean {
  return verifyHashedBatch(batch, header, { epochKey, leafHashes: batch.events.map(leafHash) });
}

/** The same for a caller who has hashed the events already. */
export function verifyHashedBatch(
  batch: SignedBatch,
  header: BatchHeader,
  by: { readonly epochKey: KeyObject; readonly leafHashes: readonly Buffer[] },
): boolean {
  return (
    by.leafHashes.length === header.count &&
    treeHash(by.leafHashes).toString('hex') === header.root &&
    verify(null, batch.header, by.epochKey, batch.signature)
  );
}

/**
 * What a receipt promises: everything of this broker up to `seq` stands in the tree of that size and root, or is named in
 * it by a `log.gap_skipped` record.
 */
export type ReceiptBody = {
  readonly broker: SpiffeId;
  readonly seq: number;
  readonly batchSha256: string;
  readonly treeSize: number;
  readonly treeRoot: Buffer;
};

/** The text that the log's key signs as a receipt. First line as a checkpoint's origin, so that neither passes for the other. */
export function formatReceiptBody(origin: string, receipt: ReceiptBody): string {
  return `${origin}/receipt\n${receipt.broker}\n${receipt.seq}\n${receipt.batchSha256}\n${receipt.treeSize}\n${receipt.treeRoot.toString('base64')}\n`;
}

/** Reads a receipt's body once its note is verified; undefined when it is not one of this log's. */
export function parseReceiptBody(origin: string, text: string): ReceiptBody | undefined {
  const lines = text.split('\n');
  const [first, broker = '', seq = '', batchSha256 = '', treeSize = '', treeRoot = '', end] = lines;
  if (lines.length !== 7 || first !== `${origin}/receipt` || end !== '') return undefined;
  if (
    spiffeIdFault(broker) !== undefined ||
    !isPositive(seq) ||
    !isPositive(treeSize) ||
    !/^[0-9a-f]{64}$/.test(batchSha256)
  )
    return undefined;
  const root = decodeBase64(treeRoot);
  if (root?.length !== 32) return undefined;
  return {
    broker: broker as SpiffeId,
    seq: Number(seq),
    batchSha256,
    treeSize: Number(treeSize),
    treeRoot: root,
  };
}

function isPositive(text: string): boolean {
  return /^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text));
}

/** The facts of an `epoch.started` event: the key that signs this epoch's batches, and the SVID that vouches for it. */
export type EpochStarted = {
  readonly epoch: number;
  /** Ed25519, 32 raw bytes, base64. */
  readonly public_key: string;
  /** The broker's SVID, leaf first, without the root, each DER in base64. */
  readonly svid_chain: readonly string[];
  /** ECDSA P-256 with SHA-256, DER, base64, by the SVID's key over {@link epochStatement}. */
  readonly proof: string;
};

// Batches are verified years later, when the hourly SVID is long gone: its key vouches once for a key that lives as
// long as the process, and the chain stands in the log beside it.
function epochStatement(broker: SpiffeId, epoch: number, publicKey: string): Buffer {
  return Buffer.from(`stint epoch v1\n${broker}\n${epoch}\n${publicKey}\n`, 'utf8');
}

/** Makes the data of an epoch's first event. `svid` is the broker's own at this moment. */
export function makeEpochStarted(epoch: number, publicKey: KeyObject, svid: X509Svid): EpochStarted {
  const raw = ed25519RawKey(publicKey).toString('base64');
  const key = svid.privateKeyPem.reveal((pem) => createPrivateKey(pem));
  return {
    epoch,
    public_key: raw,
    svid_chain: svid.certificatesDer.map((der) => der.toString('base64')),
    proof: sign('sha256', epochStatement(svid.spiffeId, epoch, raw), key).toString('base64'),
  };
}

/** The epoch's key once it is believed, with the chain that vouches for it, root last; or why it is not. */
export type EpochVerdict =
  | { readonly kind: 'valid'; readonly publicKey: KeyObject; readonly chainDer: readonly Buffer[] }
  | { readonly kind: 'invalid'; readonly fault: string };

/**
 * Checks the data of an `epoch.started` event: its shape, its SVID's chain to one of the roots at `at` (the event's own
 * time: a message may be delayed for longer than an SVID lives), the broker's name, and the SVID key's signature.
 * Attacker-controlled; never throws.
 */
export function verifyEpochStarted(
  data: unknown,
  expected: {
    readonly broker: SpiffeId;
    readonly epoch: number;
    readonly rootsDer: readonly Uint8Array[];
    readonly at: UnixMs;
  },
): EpochVerdict {
  const facts = readEpochStarted(data);
  if (facts === undefined) return { kind: 'invalid', fault: 'its fields are missing or malformed' };
  if (facts.epoch !== expected.epoch) return { kind: 'invalid', fault: `it names epoch ${facts.epoch}` };
  const chain = verifySvidChain({ chainDer: facts.chainDer, rootsDer: expected.rootsDer, at: expected.at });
  if (chain.kind === 'invalid') return { kind: 'invalid', fault: `its SVID: ${chain.fault}` };
  if (chain.spiffeId !== expected.broker)
    return { kind: 'invalid', fault: `its SVID is of "${chain.spiffeId}"` };
  const { publicKey } = chain.leaf;
  const statement = epochStatement(expected.broker, expected.epoch, facts.publicKey.toString('base64'));
  const isVouched =
    publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
    verify('sha256', statement, publicKey, facts.proof);
  if (!isVouched) return { kind: 'invalid', fault: 'the signature over its key is not by its SVID' };
  return {
    kind: 'valid',
    publicKey: ed25519PublicKey(facts.publicKey),
    chainDer: [...facts.chainDer, chain.root],
  };
}

function readEpochStarted(data: unknown) {
  const { epoch, public_key, svid_chain, proof } = (
    typeof data === 'object' && data !== null ? data : {}
  ) as Record<string, unknown>;
  if (typeof epoch !== 'number' || !Array.isArray(svid_chain)) return undefined;
  const bytes = (text: unknown) => (typeof text === 'string' ? decodeBase64(text) : undefined);
  const [publicKey, signature, chainDer] = [bytes(public_key), bytes(proof), svid_chain.map(bytes)];
  if (publicKey?.length !== 32 || signature === undefined || chainDer.includes(undefined)) return undefined;
  return { epoch, publicKey, proof: signature, chainDer: chainDer.filter((der) => der !== undefined) };
}
