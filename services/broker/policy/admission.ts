import { Worker } from 'node:worker_threads';
import type { RegistryRules } from '../registry/parse-registry.ts';
import { wholeFileFault } from '../registry/source-fault.ts';
import type { AdmissionTask } from './admission-worker.ts';
import type { AdmittedBundle, BundleFile, RefusedBundle } from './admit-bundle.ts';
import { admissionHeapMiBMax, admissionMsMax, admissionStackMiBMax } from './policy-limits.ts';

/** How much a bundle may cost to judge; tests lower it. */
export type AdmissionLimits = { readonly ms: number; readonly heapMiB: number };

/**
 * Judges a bundle in a thread of its own with a memory and a time limit. Parsing is where hostile or mistaken text can
 * do harm (it may overflow the runtime's stack, and it takes seconds for large bundles), so the thread that serves
 * requests never parses what has not been admitted. A thread that dies or takes too long means refused.
 */
export async function admitInWorker(
  files: readonly BundleFile[],
  rules: RegistryRules,
  limits: AdmissionLimits = { ms: admissionMsMax, heapMiB: admissionHeapMiBMax },
): Promise<AdmittedBundle | RefusedBundle> {
  const worker = new Worker(new URL('./admission-worker.ts', import.meta.url), {
    workerData: { files, rules } satisfies AdmissionTask,
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMiB, stackSizeMb: admissionStackMiBMax },
    // The thread gets nothing of this process's environment and flags.
    env: {},
    execArgv: [],
  });
  const { promise, resolve } = Promise.withResolvers<AdmittedBundle | RefusedBundle>();
  const refuse = (what: string) =>
    resolve({ kind: 'refused', faults: [wholeFileFault('.', what, 'make the bundle smaller or simpler')] });
  const timer = setTimeout(() => refuse(`the bundle was not judged within ${limits.ms} ms`), limits.ms);
  worker.on('message', resolve);
  // This listener stays: an error that comes after the time limit must not end the process.
  worker.on('error', (thrown) => refuse(`judging the bundle failed: ${printable(thrown)}`));
  worker.on('exit', (code) => refuse(`judging the bundle ended with code ${code} and no answer`));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function printable(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 200);
}
