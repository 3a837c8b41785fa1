import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { MeshPart } from '../../../deploy/mesh/mesh.ts';
import type { PartNews } from '../../../deploy/mesh/part-keeper.ts';
import { columnsOf } from '../terminal/wrap-text.ts';
import { partNewsText } from './part-news.ts';

const fault = new Error('auditor: not ready within 60000 ms; its log is .stint/logs/auditor.log');

for (const news of [
  { part: 'postgresql', kind: 'ended', how: 'SIGKILL', delayMs: 16_000 },
  { part: 'auditor', kind: 'restart failed', delayMs: 16_000, fault },
  { part: 'auditor', kind: 'left alone', fault },
  { part: 'auditor', kind: 'left alone', fault: undefined },
  { part: 'auditor', kind: 'back' },
] as const satisfies PartNews<MeshPart>[])
  test(`that a part is "${news.kind}" is said in lines of at most 80 columns`, () => {
    const text = stripVTControlCharacters(partNewsText(news, '.stint/postgresql/server/postgres.log'));
    assert.match(text, new RegExp(`^  ${news.part} `));
    for (const line of text.split('\n')) assert.ok(columnsOf(line) <= 80, line);
  });
