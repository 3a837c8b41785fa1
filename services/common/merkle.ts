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
    for (let i = 0; i + 1 < level.length; i += 2)
      next.push(nodeHash(level[i] as Buffer, level[i + 1] as Buffer));
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
export function verifyInclusion(proof: {
  index: number;
  size: number;
  leaf: Uint8Array;
  hashes: readonly Uint8Array[];
  root: Uint8Array;
}): boolean {
  if (!isPosition(proof.index) || !isPosition(proof.size) || proof.index >= proof.size) return false;
  if (proof.leaf.length !== 32 || proof.root.length !== 32) return false;
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

/**
 * Whether the tree of `newSize` and `newRoot` begins with the tree of `oldSize` and `oldRoot`: nothing was changed or
 * taken away between them. An empty old tree has no proof and proves nothing, so it is false, as is a malformed proof.
 * Everything here may come from an attacker. Source: RFC 9162 §2.1.4.2.
 */
export function verifyConsistency(proof: {
  oldSize: number;
  newSize: number;
  oldRoot: Uint8Array;
  newRoot: Uint8Array;
  hashes: readonly Uint8Array[];
}): boolean {
  const { oldSize, newSize, hashes } = proof;
  if (!isPosition(oldSize) || !isPosition(newSize) || oldSize === 0 || oldSize > newSize) return false;
  if (proof.oldRoot.length !== 32 || proof.newRoot.length !== 32 || hashes.some((hash) => hash.length !== 32))
    return false;
  if (oldSize === newSize) return hashes.length === 0 && Buffer.from(proof.oldRoot).equals(proof.newRoot);
  let index = oldSize - 1;
  let last = newSize - 1;
  while (index % 2 === 1) {
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  // An old tree that is a whole subtree of the new one is its own first node and is not sent.
  const [first, ...rest] = index === 0 ? [proof.oldRoot, ...hashes] : hashes;
  if (first === undefined) return false;
  let oldNode: Buffer = Buffer.from(first);
  let newNode: Buffer = oldNode;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      oldNode = nodeHash(sibling, oldNode);
      newNode = nodeHash(sibling, newNode);
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      newNode = nodeHash(newNode, sibling);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && oldNode.equals(proof.oldRoot) && newNode.equals(proof.newRoot);
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
