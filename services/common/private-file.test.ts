import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  createPrivateFile,
  ensurePrivateDirectory,
  PrivateFileError,
  privateFileBytesMax,
  readPasswordFile,
  readPrivateFile,
  removeAbandonedCopies,
  replacePrivateFile,
} from './private-file.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'stint-private-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const isFault = (kind: PrivateFileError['kind']) => (e: unknown) =>
  e instanceof PrivateFileError && e.kind === kind;

describe('a private directory', () => {
  it('is made with mode 0700, and an open one is refused as it is', async () => {
    const directory = path.join(scratch, 'a/b');
    await ensurePrivateDirectory(directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    await ensurePrivateDirectory(directory);
    chmodSync(directory, 0o750);
    await assert.rejects(ensurePrivateDirectory(directory), isFault('exposed'));
    assert.equal(statSync(directory).mode & 0o777, 0o750);
  });

  it(
    'is refused at once where the kernel lets nobody make one',
    {
      skip: existsSync('/proc/self') ? false : 'no /proc here',
    },
    () => assert.rejects(ensurePrivateDirectory('/proc/x/y'), { code: 'ENOENT' }),
  );

  it('is not a link to one', async () => {
    symlinkSync(scratch, path.join(scratch, 'link'));
    await assert.rejects(ensurePrivateDirectory(path.join(scratch, 'link')), isFault('unfit'));
  });
});

describe('a private file', () => {
  it('is created once, with mode 0600, however many try at once', async () => {
    const file = path.join(scratch, 'once');
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => createPrivateFile(file, `writer ${i}`)),
    );
    assert.equal(results.filter(Boolean).length, 1);
    assert.equal(readFileSync(file, 'utf8'), `writer ${results.indexOf(true)}`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(scratch).filter((name) => name.endsWith('.partial')),
      [],
    );
  });

  it('is replaced whole', async () => {
    const file = path.join(scratch, 'replaced');
    await replacePrivateFile(file, 'old');
    await replacePrivateFile(file, 'new');
    assert.equal((await readPrivateFile(file)).revealText(), 'new');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('is not read when it is missing, open to others, a link, a folder or too large', async () => {
    const file = path.join(scratch, 'read');
    await assert.rejects(readPrivateFile(file), isFault('missing'));
    writeFileSync(file, 'x', { mode: 0o640 });
    await assert.rejects(readPrivateFile(file), isFault('exposed'));
    symlinkSync(file, path.join(scratch, 'read-link'));
    await assert.rejects(readPrivateFile(path.join(scratch, 'read-link')), isFault('unfit'));
    mkdirSync(path.join(scratch, 'folder'), { mode: 0o700 });
    await assert.rejects(readPrivateFile(path.join(scratch, 'folder')), isFault('unfit'));
    writeFileSync(path.join(scratch, 'large'), Buffer.alloc(privateFileBytesMax + 1), { mode: 0o600 });
    await assert.rejects(readPrivateFile(path.join(scratch, 'large')), isFault('unfit'));
  });

  it('that a crash left half-written is removed only when it is old', async () => {
    const directory = path.join(scratch, 'crashed');
    mkdirSync(directory);
    for (const name of ['old.partial', 'young.partial', 'other'])
      writeFileSync(path.join(directory, name), '');
    const now = Date.now();
    for (const name of ['old.partial', 'other'])
      utimesSync(path.join(directory, name), now / 1_000 - 3_600, now / 1_000 - 3_600);
    await removeAbandonedCopies(directory, now);
    assert.deepEqual(readdirSync(directory).sort(), ['other', 'young.partial']);
  });
});

describe('the file of a password', () => {
  for (const [ending, password] of [
    ['', 'a b'],
    ['\n', 'a b'],
    ['\r\n', 'a b'],
    ['\n\n', 'a b\n'],
    [' ', 'a b '],
  ] as const)
    it(`gives all but one line break at the end, of ${JSON.stringify(`a b${ending}`)}`, async () => {
      const file = path.join(scratch, 'password');
      writeFileSync(file, `a b${ending}`, { mode: 0o600 });
      assert.equal((await readPasswordFile(file)).revealText(), password);
    });
});
