import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import { cliError } from '../cli-error.ts';
import type { OutputStream } from './output.ts';

type Stdout = NodeJS.Process['stdout'];

/** Where results go: what is not written whole is an error, never lost in silence. */
export type ResultStream = OutputStream & { readonly write: (text: string) => void };

/**
 * Stdout for results. Its `write` returns once the text is written whole.
 * @throws CliError OUTPUT_UNWRITTEN when it cannot be, such as on a full disk; only that a reader has gone (EPIPE) is left to
 * the stream's own `error` event.
 */
export function resultStream(stdout: Stdout): ResultStream {
  // Node's stream for files takes a text for written of which a full disk took a part, and tells other faults too late.
  const write = stdout instanceof Socket ? writeToSocket : writeToFile;
  const { isTTY, columns } = stdout;
  return { isTTY, columns, write: (text) => write(stdout, text) };
}

/** Pipes and terminals: Node writes to both synchronously. */
function writeToSocket(stdout: Stdout, text: string): void {
  stdout.write(text);
  const fault: NodeJS.ErrnoException | null = stdout.errored;
  if (fault !== null && fault.code !== 'EPIPE') throw unwritten(fault);
}

function writeToFile({ fd }: Stdout, text: string): void {
  let left = Buffer.from(text);
  try {
    while (left.length > 0) left = left.subarray(writeSync(fd, left));
  } catch (thrown) {
    throw unwritten(thrown as NodeJS.ErrnoException);
  }
}

function unwritten(fault: NodeJS.ErrnoException): Error {
  const { code = 'no code', errno } = fault;
  const why = errno === undefined ? fault.message : getSystemErrorMessage(errno);
  return cliError(
    'OUTPUT_UNWRITTEN',
    {
      what: 'the result could not be written whole to stdout',
      why: `${why} (${code})`,
      fix: 'make room there, or send it elsewhere, and run it again; what the command did stays done',
    },
    fault,
  );
}
