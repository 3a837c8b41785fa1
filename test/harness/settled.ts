import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Lets everything happen that needs no time: what the parts of this process owe each other is done after a few turns of
 * the loop they share. For tests whose time stands still, and whose other ends are in this process.
 */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}
