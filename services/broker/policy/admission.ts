import { once } from 'node:events';
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
    // The bundle gets nothing of this process's environment.
    env: {},
  });
  try {
    const [answer] = await once(worker, 'message', { signal: AbortSignal.timeout(limits.ms) });
    return answer as AdmittedBundle | RefusedBundle;
  } catch (thrown) {
    return {
      kind: 'refused',
      faults: [wholeFileFault('.', deathOf(thrown, limits), 'make the bundle smaller or simpler')],
    };
  } finally {
    await worker.terminate();
  }
}

function deathOf(thrown: unknown, limits: AdmissionLimits): string {
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return `the bundle was not judged within ${limits.ms} ms`;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return `judging the bundle failed: ${detail.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 200)}`;
}
