import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Span } from './trace-store.ts';
import { drawTrace } from './trace-tree.ts';

function span(id: string, startMs: number, more: Partial<Span> = {}): Span {
  return {
    id,
    parentId: undefined,
    service: 'job',
    name: id,
    startMs,
    endMs: startMs + 5,
    isError: false,
    ...more,
  };
}

test('children stand below their parent in order of start', () => {
  const lines = drawTrace([
    span('root', 100),
    span('late', 130, { parentId: 'root' }),
    span('early', 110, { parentId: 'root' }),
    span('leaf', 112, { parentId: 'early' }),
  ]);
  assert.deepEqual(lines, [
    'root        job  +0.0  5.0 ms',
    '├─ early    job  +10.0  5.0 ms',
    '│  └─ leaf  job  +12.0  5.0 ms',
    '└─ late     job  +30.0  5.0 ms',
  ]);
});

test('a span whose parent never came stands at the top, and an error is said', () => {
  assert.deepEqual(drawTrace([span('orphan', 7, { parentId: 'gone', isError: true })]), [
    'orphan  job  +0.0  5.0 ms  error',
  ]);
});

test('spans that name each other as parents are no endless tree', () => {
  assert.deepEqual(drawTrace([span('a', 1, { parentId: 'b' }), span('b', 2, { parentId: 'a' })]), []);
  assert.equal(drawTrace([span('root', 0), span('self', 1, { parentId: 'self' })]).length, 1);
});

test('a name that would move the cursor is drawn as text', () => {
  const [line = ''] = drawTrace([span('x', 0, { name: 'a\u001b[2Jb' })]);
  assert.ok(line.startsWith('a?[2Jb'));
});

test('a call is named without its package, anything else whole', () => {
  const names = ['stint.sidecar.v1.SidecarService/Acquire', 'stint.acquire', 'publish audit.b1'];
  const drawn = names.map((name) => drawTrace([span('x', 0, { name })])[0]?.split('  ')[0]);
  assert.deepEqual(drawn, ['SidecarService/Acquire', 'stint.acquire', 'publish audit.b1']);
});

test('no spans, no lines', () => {
  assert.deepEqual(drawTrace([]), []);
});
