import type { Clock } from '@stint/common/time.ts';

/**
 * A terminal sends its Ctrl-C to every process of a command, and npm passes on what it got: what comes again within so many
 * milliseconds is the same key.
 */
const sameKeyMsMax = 300;

/** What the user of a mesh wants. */
export type Interruptions = {
  /** That it stops in order: the first Ctrl-C, SIGTERM or SIGHUP, or nobody reads any more (`stint dev | head`). */
  readonly stop: AbortSignal;
  /** That it ends at once: a second one. */
  readonly kill: AbortSignal;
};

/**
 * Starts watching for what ends a mesh. From now on these signals do not end the process by themselves, and neither does
 * output that nobody takes: a terminal that was closed must leave nothing behind either.
 */
export function watchInterruptions(
  process: Pick<NodeJS.Process, 'on'> & {
    readonly stdout: Pick<NodeJS.WriteStream, 'on' | 'removeAllListeners'>;
  },
  clock: Clock,
): Interruptions {
  const [stop, kill] = [new AbortController(), new AbortController()];
  let firstAt: number | undefined;
  const onSignal = () => {
    firstAt ??= clock.now();
    stop.abort();
    if (clock.now() - firstAt > sameKeyMsMax) kill.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.stdout.removeAllListeners('error').on('error', () => stop.abort());
  return { stop: stop.signal, kill: kill.signal };
}
