import { createLog, type Log, type LogLevel } from '@stint/common/log.ts';

/** A log and what was written to it so far: its lines as objects, and all of it as text. */
export type CapturedLog = { readonly log: Log; readonly lines: Record<string, unknown>[]; text(): string };

/** A real log that keeps what is written to it, from a level on. */
export function capturedLog({ level = 'debug' }: { readonly level?: LogLevel } = {}): CapturedLog {
  const texts: string[] = [];
  const log = createLog({ service: 'test', level, sink: { write: (line) => void texts.push(line) } });
  return {
    log,
    get lines() {
      return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
    },
    text: () => texts.join(''),
  };
}
