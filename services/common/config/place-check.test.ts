import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { placeFault } from './place-check.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'stint-place-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const at = (...names: string[]) => path.join(directory, ...names);
mkdirSync(at('folder'));
writeFileSync(at('file'), '');

test('what is there passes, and so does what can be made; nothing is made by looking', () => {
  assert.equal(placeFault('file', at('file')), undefined);
  assert.equal(placeFault('directory', at('folder')), undefined);
  assert.equal(placeFault('new file', at('file')), undefined);
  assert.equal(placeFault('new file', at('a/b/c')), undefined);
  assert.equal(placeFault('new directory', at('folder')), undefined);
  assert.equal(placeFault('new directory', at('a/b/c')), undefined);
  assert.deepEqual(readdirSync(directory).toSorted(), ['file', 'folder']);
});

test('what is missing or of another kind is named', () => {
  assert.equal(placeFault('file', at('x')), `"${at('x')}" does not exist: make it, or name another`);
  assert.equal(placeFault('directory', at('x')), `"${at('x')}" does not exist: make it, or name another`);
  assert.equal(placeFault('file', at('folder')), `"${at('folder')}" is not a file: name another`);
  assert.equal(placeFault('directory', at('file')), `"${at('file')}" is not a directory: name another`);
  assert.equal(placeFault('new directory', at('file')), `"${at('file')}" is not a directory: name another`);
  assert.equal(placeFault('new file', at('folder')), `"${at('folder')}" is a directory: name a file`);
  assert.match(placeFault('new file', at('file/below')) ?? '', /cannot be (made|used)/);
});

test('a place in the file systems of the kernel is refused, even for root', {
  skip: existsSync('/proc/self') ? false : 'no /proc here',
}, () => {
  for (const kind of ['new file', 'new directory'] as const)
    assert.equal(
      placeFault(kind, '/proc/x/y'),
      'nothing can be written in "/proc", which is of the kernel (proc): name another place',
    );
});

test('a folder that this user may not write in is refused', {
  skip: process.geteuid?.() === 0 ? 'root may write everywhere' : false,
}, () => {
  assert.match(placeFault('new directory', '/x') ?? '', /may not write in "\/"/);
});
