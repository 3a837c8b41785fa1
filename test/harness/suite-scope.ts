import { after } from 'node:test';
import type { Scope } from './temp-dir.ts';

/**
 * A scope that ends with the `describe` it is made in, for things that are made later, in its `before`: there,
 * node:test's own `after` would belong to the hook. What was made last is undone first.
 */
export function suiteScope(): Scope {
  const undo: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const step of undo.reverse()) await step();
  });
  return { after: (step) => undo.push(step) };
}
