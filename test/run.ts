import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { repositoryRoot, requireNode24 } from '../deploy/tools.ts';
import { runChecks } from './check.ts';

/** Test files that start servers are heavy, and the smallest machine that this must run on has two cores. */
const filesAtOnceMax = 2;
/** A file that runs longer than this hangs. */
const fileDeadlineMs = 300_000;

/** How long a test file's output may stay open after its process has ended, in milliseconds. */
const leftBehindMs = 5_000;

type Counts = { passed: number; failed: number; skipped: number };
type FileResult = Counts & {
  readonly isOk: boolean;
  readonly report: string;
  readonly skips: readonly string[];
};

/**
 * `npm test [-- FILTER…]`: every check, then every test file, two at a time, a line for each. Of a file that fails,
 * all that it printed is shown; a skipped test is named with its reason. With filters, only the test files whose
 * path contains one of them run, and no checks.
 */
async function main(): Promise<number> {
  requireNode24();
  const filters = process.argv.slice(2);
  const failedChecks = filters.length === 0 ? await runChecks() : 0;
  const files = testFiles(filters);
  if (files.length === 0) console.error(`no test file matches ${filters.join(', ')}`);
  const total = await runFiles(files);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return failedChecks === 0 && total.failed === 0 && files.length > 0 ? 0 : 1;
}

function testFiles(filters: readonly string[]): string[] {
  const all = globSync('{services,deploy,test}/**/*.test.ts', {
    cwd: repositoryRoot,
    exclude: (name) => name === 'node_modules',
  }).toSorted();
  return filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
}

async function runFiles(files: readonly string[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const queue = files.values();
  const worker = async (): Promise<void> => {
    for (const file of queue) {
      const start = performance.now();
      const result = await runFile(file);
      total.passed += result.passed;
      total.failed += result.failed;
      total.skipped += result.skipped;
      print(file, result, (performance.now() - start) / 1_000);
    }
  };
  await Promise.all(Array.from({ length: filesAtOnceMax }, worker));
  return total;
}

function print(file: string, result: FileResult, seconds: number): void {
  const failed = result.failed === 0 ? '' : `, ${result.failed} failed`;
  const skipped = result.skipped === 0 ? '' : `, ${result.skipped} skipped`;
  console.log(
    `${result.isOk ? 'ok  ' : 'FAIL'}  ${file} (${result.passed} passed${failed}${skipped}, ${seconds.toFixed(1)} s)`,
  );
  for (const skip of result.skips) console.log(`      SKIPPED ${skip}`);
  if (!result.isOk) console.log(result.report.replace(/^/gm, '      '));
}

async function runFile(file: string): Promise<FileResult> {
  const child = spawn(process.execPath, ['--test-reporter=spec', file], {
    cwd: repositoryRoot,
    // Under a parent test runner node:test would speak its internal protocol instead of the reporter's text.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: fileDeadlineMs,
    killSignal: 'SIGKILL',
  });
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  const ended = Promise.withResolvers<string | undefined>();
  child.once('error', ended.reject);
  child.once('close', (code, signal) => ended.resolve(code === 0 ? undefined : (signal ?? `code ${code}`)));
  // A process that a test left behind holds the pipes open for as long as it lives: it must not hold up the run.
  child.once('exit', () => setTimeout(() => ended.resolve('a process left behind'), leftBehindMs).unref());
  const end = await ended.promise;
  child.stdout.destroy();
  child.stderr.destroy();
  return read(output.out, output.err, end);
}

function read(out: string, err: string, end: string | undefined): FileResult {
  const passed = countOf(out, 'pass');
  const failed = countOf(out, 'fail') + countOf(out, 'cancelled');
  const skipped = countOf(out, 'skipped') + countOf(out, 'todo');
  const fault = end ?? (passed + failed + skipped === 0 ? 'no test at all' : undefined);
  return {
    passed,
    failed: fault === undefined ? failed : Math.max(1, failed),
    skipped,
    isOk: fault === undefined,
    report: `${out}${err}${fault === undefined ? '' : `ended with ${fault}`}`,
    skips: out
      .split('\n')
      .filter((line) => /^\s*﹣ /.test(line))
      .map((line) => line.replace(/^\s*﹣ /, '')),
  };
}

/** Reads a closing line of the spec reporter, such as `ℹ pass 12`. */
function countOf(report: string, name: string): number {
  return Number(new RegExp(`^ℹ ${name} (\\d+)$`, 'm').exec(report)?.[1] ?? 0);
}

process.exitCode = await main();
