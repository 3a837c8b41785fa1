import { nodeHash, treeHash } from '@stint/common/merkle.ts';

/**
 * The complete subtrees that make up a tree of `size` leaves, largest first: one for each bit of its size. All that is
 * needed to append and to know the root; O(log n). (Others call it a compact range.)
 */
export type Frontier = { readonly size: number; readonly nodes: readonly Buffer[] };

/** The tree without leaves. */
export const emptyFrontier: Frontier = { size: 0, nodes: [] };

/**
 * Appends one leaf hash. `hashes` is the leaf's own hash followed by those of the subtrees that it completes, lowest
 * first: what a store keeps with the record, so that every node of the tree can be found again (see {@link NodeReader}).
 */
export function appendLeaf(
  frontier: Frontier,
  leaf: Buffer,
): { frontier: Frontier; hashes: readonly Buffer[] } {
  const nodes = [...frontier.nodes];
  const hashes = [leaf];
  let node = leaf;
  // Adding one to the size carries through its trailing ones: each carry joins two subtrees of one height.
  for (let size = frontier.size; size % 2 === 1; size = Math.floor(size / 2)) {
    node = nodeHash(nodes.pop() as Buffer, node);
    hashes.push(node);
  }
  nodes.push(node);
  return { frontier: { size: frontier.size + 1, nodes }, hashes };
}

/** The tree's root. Source: RFC 6962 §2.1. */
export function frontierRoot(frontier: Frontier): Buffer {
  return frontier.nodes.length === 0
    ? treeHash([])
    : frontier.nodes.reduceRight((right, left) => nodeHash(left, right));
}

/**
 * Reads the hash of the complete subtree over the leaves `position * 2^level … (position + 1) * 2^level - 1`. A store
 * finds it with the subtree's last leaf, as the `level`-th of the hashes that {@link appendLeaf} gave: one row by its key.
 */
export type NodeReader = (level: number, position: number) => Buffer;

/** The frontier of the first `size` leaves; one read for each bit of the size. */
export function readFrontier(size: number, read: NodeReader): Frontier {
  return { size, nodes: subtreesOf(0, size).map(({ level, position }) => read(level, position)) };
}

/** The sibling hashes from a leaf up to the root, O(log n) reads. `index < size`. Source: RFC 6962 §2.1.1. */
export function inclusionProof(index: number, size: number, read: NodeReader): Buffer[] {
  const proof: Buffer[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      proof.push(rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, read));
      start = middle;
    }
  }
  return proof.reverse();
}

/** What leads from the tree of `oldSize` to that of `newSize`; `0 < oldSize <= newSize`. Source: RFC 6962 §2.1.2. */
export function consistencyProof(oldSize: number, newSize: number, read: NodeReader): Buffer[] {
  const proof: Buffer[] = [];
  let start = 0;
  let end = newSize;
  while (oldSize !== end) {
    const middle = start + largestPowerBelow(end - start);
    if (oldSize <= middle) {
      proof.push(rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, read));
      start = middle;
    }
  }
  // A subtree that begins the old tree is its own root, which the verifier has.
  if (start > 0) proof.push(rangeHash(start, end, read));
  return proof.reverse();
}

/** The hash of the subtree over [start, end), where only a subtree at the right edge may be incomplete. */
function rangeHash(start: number, end: number, read: NodeReader): Buffer {
  const nodes = subtreesOf(start, end).map(({ level, position }) => read(level, position));
  return nodes.reduceRight((right, left) => nodeHash(left, right));
}

/** The complete subtrees that cover [start, end), left to right. `start` is a multiple of the largest. */
function subtreesOf(start: number, end: number): { level: number; position: number }[] {
  const subtrees: { level: number; position: number }[] = [];
  for (let at = start; at < end; ) {
    const level = Math.floor(Math.log2(end - at));
    subtrees.push({ level, position: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

function largestPowerBelow(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1);
}
