import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ed25519PublicKey, ed25519RawKey } from './ed25519.ts';
import {
  decodeBase64,
  formatCheckpoint,
  formatVerifierKey,
  noteBytesMax,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
} from './signed-note.ts';

// The example of golang.org/x/mod/sumdb/note, from which the C2SP format comes.
const neumann = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const neumannNote =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

function verifierOf(name: string, publicKey: Parameters<typeof formatVerifierKey>[1]) {
  const verifier = parseVerifierKey(formatVerifierKey(name, publicKey));
  assert.ok(verifier);
  return verifier;
}

test('a note signed by the Go implementation opens, and its verifier key has our spelling', () => {
  const verifier = parseVerifierKey(neumann);
  assert.ok(verifier);
  assert.equal(formatVerifierKey('PeterNeumann', verifier.publicKey), neumann);
  assert.equal(openNote(neumannNote, verifier), neumannNote.slice(0, neumannNote.indexOf('\n\n') + 1));
});

test('any single character of a note changed, it does not open as signed', () => {
  const verifier = parseVerifierKey(neumann);
  assert.ok(verifier);
  const text = openNote(neumannNote, verifier);
  for (let i = 0; i < neumannNote.length; i++) {
    const changed = `${neumannNote.slice(0, i)}${neumannNote[i] === 'x' ? 'y' : 'x'}${neumannNote.slice(i + 1)}`;
    assert.notEqual(openNote(changed, verifier), text, `character ${i}`);
  }
});

test('what is signed opens with its own key and with no other', () => {
  const [ours, theirs] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ -~é€]*$/)), (lines) => {
      const text = `${['origin', ...lines].join('\n')}\n`;
      const note = signNote(text, { name: 'log.example/a', ...ours });
      assert.equal(openNote(note, verifierOf('log.example/a', ours.publicKey)), text);
      assert.equal(openNote(note, verifierOf('log.example/a', theirs.publicKey)), undefined);
      assert.equal(openNote(note, verifierOf('log.example/b', ours.publicKey)), undefined);
    }),
    { numRuns: 30 },
  );
});

test('signatures of unknown keys are passed over, at least sixteen of them', () => {
  const ours = generateKeyPairSync('ed25519');
  const note = signNote('text\n', { name: 'ours', ...ours });
  const foreign = Array.from(
    { length: 16 },
    (_, i) => `\u2014 witness-${i} ${Buffer.alloc(4_900, i).toString('base64')}\n`,
  ).join('');
  assert.equal(
    openNote(`text\n\n${foreign}${note.slice('text\n\n'.length)}`, verifierOf('ours', ours.publicKey)),
    'text\n',
  );
});

test('a malformed note does not open, whoever signed it', () => {
  const ours = generateKeyPairSync('ed25519');
  const verifier = verifierOf('ours', ours.publicKey);
  const note = signNote('text\n', { name: 'ours', ...ours });
  const line = note.slice('text\n\n'.length);
  const bad = [
    '',
    'text\n',
    'text\n\n',
    note.slice(0, -1),
    `${note}\n`,
    `${note}junk\n`,
    `${note}\u2014 x !!!!\n`,
    `\ttext\n\n${line}`,
    note.repeat(noteBytesMax / note.length),
  ];
  for (const text of bad)
    assert.equal(openNote(text, verifier), undefined, JSON.stringify(text.slice(0, 60)));
  assert.throws(() => signNote('no newline', { name: 'ours', ...ours }), RangeError);
  assert.throws(() => signNote('a\r\n', { name: 'ours', ...ours }), RangeError);
  assert.throws(() => signNote('a\n', { name: 'two words', ...ours }), RangeError);
});

test('a verifier key with a wrong id, another type, or another spelling is refused', () => {
  const bad = [
    neumann.replace('c74f20a3', 'c74f20a4'),
    neumann.replace('+ARpc', '+ABpc'),
    `${neumann.slice(0, -1)}X`,
    'x',
    '',
  ];
  for (const text of bad) assert.equal(parseVerifierKey(text), undefined, text);
  assert.equal(decodeBase64('TR=='), undefined, 'the spare bits must be zero');
});

test('a checkpoint reads back, with extension lines or without; a malformed one does not', () => {
  const checkpoint = { origin: 'stint.local/stint/log', size: 7, root: Buffer.alloc(32, 5) };
  const text = formatCheckpoint(checkpoint);
  assert.deepEqual(parseCheckpoint(text), checkpoint);
  assert.deepEqual(parseCheckpoint(`${text}extension\n`), checkpoint);
  const bad = [
    text.slice(0, -1),
    `${text}\n`,
    text.replace('\n7\n', '\n07\n'),
    text.replace('\n7\n', '\n9999999999999999\n'),
    `\n${text}`,
    'a\n1\nAAAA\n',
    '',
  ];
  for (const changed of bad) assert.equal(parseCheckpoint(changed), undefined, JSON.stringify(changed));
});

test('an Ed25519 key goes to its raw bytes and back', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  assert.deepEqual(ed25519RawKey(ed25519PublicKey(ed25519RawKey(publicKey))), ed25519RawKey(publicKey));
});
