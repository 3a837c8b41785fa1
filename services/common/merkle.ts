import { hash } from 'node:crypto';

/** SHA-256. One-shot hashing is the fastest that Node offers for short inputs. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** Hash of a record as a leaf. Source: RFC 6962 §2.1, prefix 0x00. */
export function leafHash(record: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(record.length + 1);
  input[0] = 0;
  input.set(record, 1);
  return sha256(input);
}

/** Hash of an inner node. Source: RFC 6962 §2.1, prefix 0x01. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return sha256(input);
}

/** Hash of the tree over these leaf hashes, in order; the hash of nothing is SHA-256 of no bytes. Source: RFC 6962 §2.1. */
export function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256(Buffer.alloc(0));
  let level = leaves;
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) next.push(nodeHash(level[i] as Buffer, level[i + 1] as Buffer));
    // An odd node is carried up unhashed: the split at the largest power of two comes out the same.
    if (level.length % 2 === 1) next.push(level[level.length - 1] as Buffer);
    level = next;
  }
  return level[0] as Buffer;
}

/**
 * Whether `proof` leads from the leaf at `index` to the root of a tree of `size`. Everything here may come from an
 * attacker; a malformed proof is false, never a throw. Source: RFC 9162 §2.1.3.2.
 */
export function verifyInclusion(proof: { index: number; size: number; leaf: Uint8Array; hashes: readonly Uint8Array[]; root: Uint8Array }): boolean {
  if (!isPosition(proof.index) || !isPosition(proof.size) || proof.index >= proof.size) return false;
  let node: Buffer = Buffer.from(proof.leaf);
  let index = proof.index;
  let last = proof.size - 1;
  for (const sibling of proof.hashes) {
    if (last === 0 || sibling.length !== 32) return false;
    if (index % 2 === 1 || index === last) {
      node = nodeHash(sibling, node);
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      node = nodeHash(node, sibling);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && node.equals(proof.root);
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
