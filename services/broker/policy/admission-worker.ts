import { parentPort, workerData } from 'node:worker_threads';
import type { RegistryRules } from '../registry/parse-registry.ts';
import { admitBundle, type BundleFile } from './admit-bundle.ts';

/** What the admission thread is given; its one message back is {@link admitBundle}'s answer. */
export type AdmissionTask = { readonly files: readonly BundleFile[]; readonly rules: RegistryRules };

const task = workerData as AdmissionTask;
parentPort?.postMessage(admitBundle(task.files, task.rules));
