import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leafHash, treeHash, verifyConsistency, verifyInclusion } from '@stint/common/merkle.ts';
import fc from 'fast-check';
import {
  appendLeaf,
  consistencyProof,
  emptyFrontier,
  frontierRoot,
  inclusionProof,
  type NodeReader,
  readFrontier,
} from './tree-hashes.ts';

/** A store as the auditor's: with each leaf the hashes of the subtrees that it completes. */
function growTree(size: number) {
  const leaves = Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${i}`)));
  const rows: (readonly Buffer[])[] = [];
  let frontier = emptyFrontier;
  for (const leaf of leaves) {
    const appended = appendLeaf(frontier, leaf);
    frontier = appended.frontier;
    rows.push(appended.hashes);
  }
  let reads = 0;
  const read: NodeReader = (level, position) => {
    reads++;
    const hash = rows[(position + 1) * 2 ** level - 1]?.[level];
    assert.ok(hash, `node ${level}/${position} must be stored`);
    return hash;
  };
  return { leaves, frontier, read, reads: () => reads };
}

test('the frontier gives the root of every size, and is read back from the stored hashes', () => {
  for (let size = 0; size <= 130; size++) {
    const tree = growTree(size);
    assert.deepEqual(frontierRoot(tree.frontier), treeHash(tree.leaves));
    assert.deepEqual(readFrontier(size, tree.read), tree.frontier);
  }
});

test('each inclusion proof leads to the root of any size above its leaf', () => {
  const tree = growTree(300);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (size, at) => {
      const index = at % size;
      const hashes = inclusionProof(index, size, tree.read);
      const root = treeHash(tree.leaves.slice(0, size));
      assert.ok(verifyInclusion({ index, size, leaf: tree.leaves[index] as Buffer, hashes, root }));
    }),
  );
});

test('each consistency proof leads from any size to any later one', () => {
  const tree = growTree(300);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (newSize, at) => {
      const oldSize = 1 + (at % newSize);
      const hashes = consistencyProof(oldSize, newSize, tree.read);
      const [oldRoot, newRoot] = [
        treeHash(tree.leaves.slice(0, oldSize)),
        treeHash(tree.leaves.slice(0, newSize)),
      ];
      assert.ok(verifyConsistency({ oldSize, newSize, oldRoot, newRoot, hashes }));
    }),
  );
});

test('a proof reads a number of nodes that grows with the logarithm of the tree', () => {
  const tree = growTree(4_095);
  inclusionProof(4_094, 4_095, tree.read);
  inclusionProof(0, 4_095, tree.read);
  consistencyProof(2_731, 4_095, tree.read);
  assert.ok(tree.reads() <= 3 * 2 * 12, `${tree.reads()} reads`);
});
