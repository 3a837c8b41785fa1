import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { exitCodes } from '../exit-codes.ts';

/** Signals that are passed on to the child wherever they come from. */
const passedOn = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Signals that a terminal sends to the whole process group: the child has them already. */
const typed = ['SIGINT', 'SIGQUIT'] as const;

/** How a child ended, as a shell tells it. */
export type ChildEnd = {
  /** Its own code, 128 + n for signal n, 127 when there is no such program, 126 when it may not be executed. */
  readonly exitCode: number;
  /** Set when it could not be started. */
  readonly startFault?: NodeJS.ErrnoException;
};

export type RunChildOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told the running child, so that it can be ended. */
  readonly onStart?: (child: Pick<ChildProcess, 'kill'>) => void;
};

/**
 * Runs a program with our stdin, stdout and stderr, passes signals on to it, and waits for its end, whatever we are sent
 * meanwhile. Signals that arrive before the child runs are the caller's.
 */
export async function runChild(command: readonly string[], options: RunChildOptions): Promise<ChildEnd> {
  const [program = '', ...args] = command;
  const fromTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  let child: ChildProcess | undefined;
  // Before the child exists: what it does first may be to send us a signal.
  const forwarded = fromTerminal ? passedOn : [...passedOn, ...typed];
  const stopForwarding = forwardSignals(forwarded, (signal) => child?.kill(signal));
  try {
    child = spawn(program, args, { stdio: 'inherit', env: { ...options.environment } });
    options.onStart?.(child);
    return await endOf(child);
  } finally {
    stopForwarding();
  }
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    // Later errors are signals that could not be delivered: the child's end is still to come.
    child.on('error', (fault: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve({ exitCode: startFaultCode(fault), startFault: fault });
    });
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? signalCode(signal) }));
  });
}

/** The exit code by which a shell tells death of a signal. */
export function signalCode(signal: NodeJS.Signals | null): number {
  return exitCodes.signal.code + (signal === null ? 0 : constants.signals[signal]);
}

function startFaultCode({ code }: NodeJS.ErrnoException): number {
  return code === 'ENOENT' ? exitCodes.notFound.code : exitCodes.notExecutable.code;
}

function forwardSignals(
  forwarded: readonly NodeJS.Signals[],
  send: (signal: NodeJS.Signals) => void,
): () => void {
  const forward = (signal: NodeJS.Signals) => {
    if (forwarded.includes(signal)) send(signal);
  };
  const all = [...passedOn, ...typed];
  for (const signal of all) process.on(signal, forward);
  return () => {
    for (const signal of all) process.off(signal, forward);
  };
}
