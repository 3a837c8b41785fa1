import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { postgresConfigFaults } from '../../services/broker/providers/postgres/config.ts';
import { readProviderDeclarations } from '../../services/broker/providers/read-declarations.ts';
import { generatedTables, withTable } from '../generated-tables.ts';
import { firstBlock, headingAnchors, relativeLinks } from '../harness/document-text.ts';
import { tempDir } from '../harness/temp-dir.ts';

const pages = globSync('{*.md,{services,deploy,test,proto}/**/*.md}', {
  cwd: repositoryRoot,
  exclude: (name) => name === 'node_modules',
});

function read(file: string): string {
  return readFileSync(path.join(repositoryRoot, file), 'utf8');
}

test('every link of a page leads to a file, or a heading, of the repository', () => {
  const faults = pages.flatMap((page) =>
    relativeLinks(read(page))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? page : path.join(path.dirname(page), file);
        if (!existsSync(path.join(repositoryRoot, target))) return true;
        return anchor !== undefined && !headingAnchors(read(target)).includes(anchor);
      })
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(faults, []);
});

test('every path that a page names in code is there', () => {
  const faults = pages.flatMap((page) =>
    [...read(page).matchAll(/`((?:services|deploy|test|proto)\/[\w./-]+)`/g)]
      .map(([, named = '']) => named)
      .filter((named) => !existsSync(path.join(repositoryRoot, named)))
      .map((named) => `${page}: ${named}`),
  );
  assert.deepEqual(faults, []);
});

test('every script that a page names is one of package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = pages.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)]);
  const unknown = named.map(([, script = '']) => script).filter((script) => !(script in scripts));
  assert.deepEqual(unknown, []);
});

test('every file of common has a line in its page, and every line its file', () => {
  const list = /## What stands here\n([\s\S]*?)\n## /.exec(read('services/common/README.md'))?.[1] ?? '';
  const firstCells = [...list.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = '']) => cell);
  const listed = firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const present = readdirSync(path.join(repositoryRoot, 'services/common'), { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .filter((name) => name !== 'node_modules/' && /\/$|(?<!\.test)\.ts$/.test(name));
  assert.deepEqual(listed.toSorted(), present.toSorted());
});

test('the providers file that the broker’s page shows is good', async (t) => {
  const file = path.join(tempDir(t), 'providers.yaml');
  writeFileSync(file, firstBlock(read('services/broker/README.md'), 'yaml') ?? '');
  const declared = await readProviderDeclarations(file);
  assert.deepEqual(
    declared.flatMap(({ settings }) => postgresConfigFaults(settings)),
    [],
  );
});

test('a table that differs from the code is noticed', () => {
  for (const table of generatedTables) {
    const page = read(table.page);
    const begin = `<!-- begin ${table.name} -->\n`;
    assert.equal(withTable(page, table), page, table.page);
    const drifted = page.replace(begin, `${begin}\n| mistaken |\n`);
    assert.notEqual(withTable(drifted, table), drifted, table.page);
    assert.throws(() => withTable('a page without it\n', table), /must stand in it/);
  }
});

test('no file names a directory of somebody’s machine or the host of a package registry', (t) => {
  if (!existsSync(path.join(repositoryRoot, '.git')))
    return t.skip('not a clone: which files are tracked is not known');
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: repositoryRoot, encoding: 'utf8' });
  const forbidden =
    /(?<![\w.])\/(?:home|Users)\/\w{2,}|https?:\/\/[^\s/'"`]*(?:registry|artifactory|nexus|npmjs)/;
  const faults = tracked
    .split('\0')
    .filter((file) => file !== '' && existsSync(path.join(repositoryRoot, file)))
    .flatMap((file) => {
      const found = forbidden.exec(read(file))?.[0];
      return found === undefined ? [] : [`${file}: ${found}`];
    });
  assert.deepEqual(faults, []);
});
