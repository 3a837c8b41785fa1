import { createLog, type Log, type LogLevel } from '@stint/common/log.ts';

/** A log and what has been written to it so far: its lines as objects, and all of it as text. */
export type CapturedLog = {
  readonly log: Log;
  readonly lines: readonly Record<string, unknown>[];
  text(): string;
};

/** A real log that keeps what is written to it, from a level on. */
export function capturedLog({ level = 'debug' }: { readonly level?: LogLevel } = {}): CapturedLog {
  const texts: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (text: string) => {
    texts.push(text);
    lines.push(JSON.parse(text));
  };
  return { log: createLog({ service: 'test', level, sink: { write } }), lines, text: () => texts.join('') };
}
