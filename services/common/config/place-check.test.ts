import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
});

test('a file where a folder should be is told as such, also of what should be there already', () => {
  const below = at('file/below');
  const fault = `"${below}" cannot be there: "${at('file')}" is not a directory: name another`;
  for (const kind of ['file', 'directory', 'new file', 'new directory'] as const)
    assert.equal(placeFault(kind, below), fault, kind);
});

test('what cannot be looked at says why', () => {
  const endless = at('folder', 'x'.repeat(300));
  const tooLong = `"${endless}" cannot be used (ENAMETOOLONG): it is too long: name a shorter one`;
  assert.equal(placeFault('file', endless), tooLong);
  symlinkSync('circle', at('circle'));
  const circle = `"${at('circle')}" cannot be used (ELOOP): its links lead in a circle: name another`;
  assert.equal(placeFault('new directory', at('circle')), circle);
});

/** What is said of a new file on a file system mounted for this alone, in a namespace of its own. */
function faultOnMount(command: string): { readonly fault: string | undefined; readonly place: string } {
  const module = new URL('place-check.ts', import.meta.url).href;
  const ask = `import { placeFault } from '${module}'; console.log(placeFault('new file', '${at('folder', 'new')}'))`;
  const script = `${command} && exec "$1" --input-type=module -e "$2"`;
  const args = ['-Urm', 'sh', '-ec', script, at('folder'), process.execPath, ask];
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, stderr);
  return { fault: stdout.trimEnd(), place: at('folder') };
}

const skipMounts =
  spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', at('folder')]).status === 0
    ? false
    : 'NOT TESTED: nothing may be mounted here';

test('a read-only file system is told as such, not as a matter of rights', { skip: skipMounts }, () => {
  const { fault, place } = faultOnMount('mount -t tmpfs -o ro tmpfs "$0"');
  assert.equal(fault, `"${place}" is on a read-only file system: name another place, or mount it writable`);
});

test('on a full disk nothing can be made', { skip: skipMounts }, () => {
  const fill = 'mount -t tmpfs -o size=64k tmpfs "$0" && { head -c 64k /dev/zero > "$0/filler"; }';
  const { fault, place } = faultOnMount(fill);
  assert.equal(fault, `the disk of "${place}" is full: make room there, or name another place`);
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
