import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { leafHash, nodeHash } from '@stint/common/merkle.ts';
import {
  formatCheckpoint,
  formatVerifierKey,
  parseVerifierKey,
  signNote,
} from '@stint/common/signed-note.ts';
import { RecordProofs } from './record-proof.ts';

const name = 'example.org/log';

function makeLog(origin = name) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const leaves = ['{"a":1}', '{"b":2}'].map((text) => Buffer.from(text));
  const [first, second] = leaves.map(leafHash) as [Buffer, Buffer];
  const root = nodeHash(first, second);
  const checkpointOf = (treeRoot: Buffer) =>
    signNote(formatCheckpoint({ origin, size: 2, root: treeRoot }), { name, privateKey, publicKey });
  const record = { index: 1, leaf: leaves[1] as Buffer, appendedAt: null };
  const verifier = parseVerifierKey(formatVerifierKey(name, publicKey));
  assert.ok(verifier);
  const proof = { record, hashes: [first], checkpoint: checkpointOf(root) };
  return { proofs: new RecordProofs(verifier), record, proof, checkpointOf };
}

test('a record that stands in a signed tree is proved', () => {
  const { proofs, record, proof } = makeLog();
  const verdict = proofs.check(record, proof);
  assert.equal(verdict.kind === 'proved' && verdict.checkpoint.size, 2);
});

test('one changed bit of record, path, index or signature is not proved', () => {
  const { proofs, record, proof } = makeLog();
  const other = Buffer.from('{"b":3}');
  const cases: [typeof record, typeof proof][] = [
    [{ ...record, leaf: other }, proof],
    [{ ...record, index: 0 }, proof],
    [record, { ...proof, hashes: [leafHash(other)] }],
    [record, { ...proof, hashes: [] }],
    [record, { ...proof, checkpoint: proof.checkpoint.replace('\n2\n', '\n3\n') }],
    [record, { ...proof, checkpoint: '' }],
  ];
  for (const [changed, given] of cases) assert.equal(proofs.check(changed, given).kind, 'not proved');
});

test('a proof is of the record that was listed, not of the one that the auditor sends with it', () => {
  const { proofs, record, proof } = makeLog();
  const listed = { ...record, leaf: Buffer.from('{"shown":true}') };
  assert.equal(proofs.check(listed, proof).kind, 'not proved');
});

test('a checkpoint of another key or another log is not believed', () => {
  const [one, other, foreign] = [makeLog(), makeLog(), makeLog('example.org/other')];
  assert.equal(one.proofs.check(one.record, other.proof).kind, 'not proved');
  assert.equal(foreign.proofs.check(foreign.record, foreign.proof).kind, 'not proved');
});

test('two checkpoints of one size with two roots are two histories', () => {
  const { proofs, record, proof, checkpointOf } = makeLog();
  assert.equal(proofs.check(record, proof).kind, 'proved');
  const verdict = proofs.check(record, { ...proof, checkpoint: checkpointOf(Buffer.alloc(32)) });
  assert.match(verdict.kind === 'not proved' ? verdict.fault : '', /two histories/);
});
