import { createRequire } from 'node:module';

/** The Cedar engine compiled to WebAssembly. Synchronous; one instance keeps its own memory and preparsed sets. */
export type CedarRuntime = typeof import('@cedar-policy/cedar-wasm/nodejs');

const specifier = '@cedar-policy/cedar-wasm/nodejs';

/**
 * Makes a fresh instance, about 25 ms. Instances share nothing: after a trap (`RuntimeError`: its stack is only about
 * 1 MiB) every later call on an instance fails, and the one cure is another instance.
 *
 * The package has no way to make a second one, so its module is loaded anew and at once forgotten by the module cache.
 */
export function loadCedarRuntime(): CedarRuntime {
  const require = createRequire(import.meta.url);
  const id = require.resolve(specifier);
  delete require.cache[id];
  const runtime = require(specifier) as CedarRuntime;
  delete require.cache[id];
  return runtime;
}

/** Whether what was thrown means that the instance must not be used again. */
export function isRuntimeLost(thrown: unknown): boolean {
  // RuntimeError: a WebAssembly trap. RangeError: the JavaScript stack ran out in the middle of a call.
  return thrown instanceof Error && (thrown.name === 'RuntimeError' || thrown.name === 'RangeError');
}
