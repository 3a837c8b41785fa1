import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings, findingsKeptMax } from './findings.ts';

test('what was found elsewhere is counted in full and kept in part, as if it had been found here', () => {
  const [all, elsewhere, alone] = [new Findings(), new Findings(), new Findings()];
  const add = (findings: Findings, from: number, count: number) => {
    for (let i = from; i < from + count; i++) findings.add('grant', `fault ${i}`, { index: i });
  };
  add(all, 0, findingsKeptMax - 5);
  add(elsewhere, findingsKeptMax - 5, findingsKeptMax + 7);
  elsewhere.add('record', 'changed', { index: 3 });
  all.addAll(elsewhere);
  add(alone, 0, 2 * findingsKeptMax + 2);
  alone.add('record', 'changed', { index: 3 });
  assert.deepEqual([all.kept, all.counts, all.exitCode], [alone.kept, alone.counts, alone.exitCode]);
  assert.equal(all.counts.get('grant'), 2 * findingsKeptMax + 2);
});
