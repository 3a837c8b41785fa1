import { type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { leafHash, sha256, treeHash } from './merkle.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

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
export type SignedBatch = { readonly header: Buffer; readonly signature: Buffer; readonly events: readonly Buffer[] };

/** Seals one commit's events. `privateKey` is the epoch's Ed25519 key. Pure but for the signature. */
export function sealBatch(facts: Omit<BatchHeader, 'v' | 'count' | 'root'>, events: readonly Buffer[], privateKey: KeyObject): SignedBatch {
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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('batch header: not an object');
  const fields = value as Record<string, unknown>;
  const text = (name: string, grammar: RegExp): string => {
    const found = fields[name];
    if (typeof found !== 'string' || !grammar.test(found)) throw new Error(`batch header: ${name} is malformed`);
    return found;
  };
  const whole = (name: string, min: number, max: number): number => {
    const found = fields[name];
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < min || found > max) throw new Error(`batch header: ${name} is malformed`);
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
  return (
    batch.events.length === header.count &&
    treeHash(batch.events.map(leafHash)).toString('hex') === header.root &&
    verify(null, batch.header, epochKey, batch.signature)
  );
}

/** What a receipt promises: everything of this broker up to `seq` stands in the tree of that size and root. */
export type ReceiptBody = { readonly broker: SpiffeId; readonly seq: number; readonly batchSha256: string; readonly treeSize: number; readonly treeRoot: Buffer };

/** The text that the log's key signs as a receipt. First line as a checkpoint's origin, so that neither passes for the other. */
export function formatReceiptBody(origin: string, receipt: ReceiptBody): string {
  return `${origin}/receipt\n${receipt.broker}\n${receipt.seq}\n${receipt.batchSha256}\n${receipt.treeSize}\n${receipt.treeRoot.toString('base64')}\n`;
}

/** Reads a receipt's body once its note is verified; undefined when it is not one of this log's. */
export function parseReceiptBody(origin: string, text: string): ReceiptBody | undefined {
  const lines = text.split('\n');
  const [first, broker, seq, batchSha256, treeSize, treeRoot, end] = lines;
  if (lines.length !== 7 || first !== `${origin}/receipt` || end !== '') return undefined;
  if (!/^[1-9]\d{0,15}$/.test(seq ?? '') || !/^[0-9a-f]{64}$/.test(batchSha256 ?? '') || !/^[1-9]\d{0,15}$/.test(treeSize ?? '')) return undefined;
  const root = Buffer.from(treeRoot ?? '', 'base64');
  if (root.length !== 32) return undefined;
  return { broker: parseSpiffeId(broker ?? '', 'broker'), seq: Number(seq), batchSha256: batchSha256 ?? '', treeSize: Number(treeSize), treeRoot: root };
}
