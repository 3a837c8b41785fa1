import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leafHash, nodeHash, sha256, treeHash, verifyConsistency, verifyInclusion } from './merkle.ts';

// The eight leaves and the roots of their trees that Certificate Transparency's implementations share.
const leaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => leafHash(Buffer.from(hex, 'hex')));
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 6962 §2.1.1 and §2.1.2 word for word: slow, and written without looking at ours. */
function path(index: number, all: readonly Buffer[]): Buffer[] {
  if (all.length <= 1) return [];
  const k = largestPowerBelow(all.length);
  return index < k
    ? [...path(index, all.slice(0, k)), root(all.slice(k))]
    : [...path(index - k, all.slice(k)), root(all.slice(0, k))];
}
function subproof(m: number, all: readonly Buffer[], isWhole: boolean): Buffer[] {
  if (m === all.length) return isWhole ? [] : [root(all)];
  const k = largestPowerBelow(all.length);
  return m <= k
    ? [...subproof(m, all.slice(0, k), isWhole), root(all.slice(k))]
    : [...subproof(m - k, all.slice(k), false), root(all.slice(0, k))];
}
function root(all: readonly Buffer[]): Buffer {
  if (all.length === 0) return sha256(Buffer.alloc(0));
  if (all.length === 1) return all[0] as Buffer;
  const k = largestPowerBelow(all.length);
  return nodeHash(root(all.slice(0, k)), root(all.slice(k)));
}
const largestPowerBelow = (n: number) => 2 ** Math.floor(Math.log2(n - 1));

test('the tree hashes are those of the shared vectors', () => {
  roots.forEach((hex, size) => {
    assert.equal(treeHash(leaves.slice(0, size)).toString('hex'), hex);
  });
});

const sizes = fc.integer({ min: 1, max: 70 });
const treeOf = (size: number) => Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${i}`)));
const flipped = (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 7 ? byte ^ 4 : byte)));

test('every inclusion proof of the definition is accepted, and none that was changed in any part', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), (size, at, where) => {
      const tree = treeOf(size);
      const index = at % size;
      const hashes = path(index, tree);
      const proof = { index, size, leaf: tree[index] as Buffer, hashes, root: root(tree) };
      assert.equal(verifyInclusion(proof), true);
      assert.equal(verifyInclusion({ ...proof, leaf: flipped(proof.leaf) }), false);
      assert.equal(verifyInclusion({ ...proof, root: flipped(proof.root) }), false);
      assert.equal(verifyInclusion({ ...proof, hashes: [...hashes, proof.root] }), false);
      assert.equal(verifyInclusion({ ...proof, index: size }), false);
      if (hashes.length === 0) return;
      const i = where % hashes.length;
      assert.equal(
        verifyInclusion({ ...proof, hashes: hashes.with(i, flipped(hashes[i] as Buffer)) }),
        false,
      );
      assert.equal(verifyInclusion({ ...proof, hashes: hashes.toSpliced(i, 1) }), false);
    }),
  );
});

test('every consistency proof of the definition is accepted, and none that was changed in any part', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), (newSize, at, where) => {
      const tree = treeOf(newSize);
      const oldSize = 1 + (at % newSize);
      const hashes = oldSize === newSize ? [] : subproof(oldSize, tree, true);
      const proof = { oldSize, newSize, oldRoot: root(tree.slice(0, oldSize)), newRoot: root(tree), hashes };
      assert.equal(verifyConsistency(proof), true);
      assert.equal(verifyConsistency({ ...proof, oldRoot: flipped(proof.oldRoot) }), false);
      assert.equal(verifyConsistency({ ...proof, newRoot: flipped(proof.newRoot) }), false);
      assert.equal(verifyConsistency({ ...proof, hashes: [...hashes, proof.newRoot] }), false);
      if (hashes.length === 0) return;
      const i = where % hashes.length;
      assert.equal(
        verifyConsistency({ ...proof, hashes: hashes.with(i, flipped(hashes[i] as Buffer)) }),
        false,
      );
      assert.equal(verifyConsistency({ ...proof, hashes: hashes.toSpliced(i, 1) }), false);
    }),
  );
});

test('proofs about nothing are refused: empty leaf and root, empty old tree, hashes of a wrong length', () => {
  const empty = Buffer.alloc(0);
  assert.equal(verifyInclusion({ index: 0, size: 1, leaf: empty, hashes: [], root: empty }), false);
  assert.equal(
    verifyConsistency({ oldSize: 0, newSize: 0, oldRoot: sha256(empty), newRoot: sha256(empty), hashes: [] }),
    false,
  );
  assert.equal(
    verifyConsistency({
      oldSize: 0,
      newSize: 1,
      oldRoot: sha256(empty),
      newRoot: root(treeOf(1)),
      hashes: [],
    }),
    false,
  );
  assert.equal(
    verifyConsistency({ oldSize: 1, newSize: 1, oldRoot: empty, newRoot: empty, hashes: [] }),
    false,
  );
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 60]) {
    assert.equal(
      verifyInclusion({
        index: bad,
        size: 2,
        leaf: leaves[0] as Buffer,
        hashes: [],
        root: leaves[0] as Buffer,
      }),
      false,
    );
  }
});
