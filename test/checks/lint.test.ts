import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { runTool } from './tool.ts';

const planted = `
import { readFile } from './other.ts';

export async function fourParameters(a: string, b: string, c: string, d: string): Promise<any> {
  readFile(a);
  if (readFile(b)) return [c, d];
  try {
    return Date.now() + Number(process.env['HOME']);
  } catch {}
}
export * from './other.ts';
`;

const rules = [
  'complexity/useMaxParams',
  'nursery/noFloatingPromises',
  'nursery/noJsRestrictedProperties',
  'nursery/noMisusedPromises',
  'performance/noBarrelFile',
  'style/noRestrictedGlobals',
  'suspicious/noEmptyBlockStatements',
  'suspicious/noExplicitAny',
];

test('every lint rule that the code relies on refuses what it is there for', async (t) => {
  const root = tempDir(t);
  const folder = path.join(root, 'services/broker/app');
  mkdirSync(folder, { recursive: true });
  for (const file of ['biome.json', '.gitignore'])
    cpSync(path.join(repositoryRoot, file), path.join(root, file));
  writeFileSync(path.join(folder, 'planted.ts'), planted);
  writeFileSync(
    path.join(folder, 'other.ts'),
    'export async function readFile(file: string): Promise<string> { return await Promise.resolve(file); }\n',
  );
  const { stdout } = await runTool(['biome', 'lint', '--reporter=json', '--max-diagnostics=none'], {
    directory: root,
  });
  for (const rule of rules) assert.ok(stdout.includes(`lint/${rule}`), `${rule} did not speak`);
});
