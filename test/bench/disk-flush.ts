import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { quantile } from './figure.ts';

const flushes = 40;

/** Median milliseconds of a 4 KB append with its fdatasync, where the bench keeps its files: what no commit is below. */
export function flushMs(): number {
  const file = path.join(tmpdir(), `stint-bench-flush-${process.pid}`);
  const handle = openSync(file, 'w');
  try {
    const page = Buffer.alloc(4_096);
    const waits: number[] = [];
    for (let i = 0; i < flushes; i++) {
      const startedAt = performance.now();
      writeSync(handle, page);
      fdatasyncSync(handle);
      waits.push(performance.now() - startedAt);
    }
    return quantile(waits, 0.5);
  } finally {
    closeSync(handle);
    rmSync(file);
  }
}
