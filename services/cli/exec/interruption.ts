/** Signals by which users and supervisors end a command. */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Whether somebody wanted the end. While it watches, these signals do not end the process by themselves. */
export type Interruption = {
  /** Aborts at the first one. */
  readonly signal: AbortSignal;
  /** The first one. */
  readonly received: NodeJS.Signals | undefined;
  stop(): void;
};

/** Starts watching for signals that ask for the end. */
export function watchInterruption(process: Pick<NodeJS.Process, 'on' | 'off'>): Interruption {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    received ??= signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of endingSignals) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    get received() {
      return received;
    },
    stop: () => {
      for (const signal of endingSignals) process.off(signal, onSignal);
    },
  };
}
