import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { findTypeFaults } from './types.ts';

/** Each line is a fault exactly if it says so. */
const planted = `import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type pg from 'pg';
readFile('a'); // lost
void readFile('a');
await readFile('a');
readFile('a').catch(() => undefined);
readFile('a').then(() => undefined, () => undefined);
readFile('a').then(() => undefined); // lost
readFile('a').finally(() => undefined); // lost
readFile('a').catch(() => undefined).finally(() => undefined);
export const end = (client: pg.Client): void => {
  client.end(); // lost
};
setTimeout(async () => { await readFile('a'); }, 1); // lost
setTimeout(() => void readFile('a'), 1);
new EventEmitter().on('x', async () => readFile('a')); // lost
let kept: Promise<string> | undefined;
kept ??= readFile('a', 'utf8');
export { kept };
test('is awaited by the runner', async (t) => {
  t.test('is not', async () => { await readFile('a'); }); // lost
  t.after(async () => { await readFile('a'); });
});
export const wrong: number = 'text'; // lost
`;

test('a promise that nobody awaits is a fault, whoever made its type; a wrong type is one too', (t) => {
  const root = tempDir(t);
  mkdirSync(path.join(root, 'services'));
  writeFileSync(path.join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(root, 'services/planted.ts'), planted);
  cpSync(path.join(repositoryRoot, 'tsconfig.json'), path.join(root, 'tsconfig.json'));
  symlinkSync(path.join(repositoryRoot, 'node_modules'), path.join(root, 'node_modules'));
  const found = findTypeFaults(path.join(root, 'tsconfig.json')).map((fault) =>
    Number(/^[^:]+:(\d+)/.exec(fault)?.[1]),
  );
  const expected = planted
    .split('\n')
    .flatMap((line, index) => (line.endsWith('// lost') ? [index + 1] : []));
  assert.deepEqual(
    found.toSorted((a, b) => a - b),
    expected,
  );
});
