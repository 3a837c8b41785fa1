import { isSpanContextValid, trace } from '@opentelemetry/api';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { Secret } from './secret.ts';

/** A structured logger: `log.info({ grant_id }, 'grant ended')`. One JSON object a line. */
export type Log = Logger;

/** How much is logged, most important first. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Deepest nesting of a logged value that is looked into; what lies deeper is left out. */
const depthMax = 6;

/** Longest text of one logged value, in characters. */
const textMax = 4_096;

const sensitiveKey = /passw|secret|token|authori[sz]ation|cookie|private_?key|credential|\bcsr\b|^csr/i;

/** Where lines go; only tests and the terminal's own tools name another place than stderr. */
export type LogSink = { write(line: string): void };

/**
 * Makes a service's logger. Lines go to stderr as JSON; values of keys that look secret, and every {@link Secret},
 * are written as `[secret]`; control characters come out escaped; the active span's ids are added.
 * `level`: the configured one, else STINT_LOG_LEVEL, else info.
 */
export function createLog(options: { service: string; level?: LogLevel | undefined; sink?: LogSink }): Log {
  const sink = options.sink ?? destination({ fd: 2, sync: true });
  const log = pino(
    {
      level: options.level ?? environmentLevel(),
      base: { service: `stint-${options.service}`, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      errorKey: 'error',
      // Errors are written by `clean`; pino's own serializers, by their names for an error, would take its copy apart.
      serializers: { error: (fields: unknown) => fields, err: (fields: unknown) => fields },
      mixin: activeSpanIds,
      formatters: { level: (label) => ({ level: label }), log: cleanFields },
      hooks: {
        logMethod(args, method) {
          method.apply(this, cleanArguments(args) as Parameters<typeof method>);
        },
      },
    },
    { write: (line) => sink.write(withoutControls(line)) },
  );
  // pino formats the fields of a child by none of the above.
  const makeChild = log.child;
  log.child = function child(this: Log, fields: object, childOptions?: object) {
    return makeChild.call(this, cleanFields(fields), childOptions as never);
  } as Log['child'];
  return log;
}

// pino takes (fields?, message?, ...values) and makes an error's text the message when there is none.
function cleanArguments(args: readonly unknown[]): unknown[] {
  const [first, ...rest] = args;
  const spread =
    first instanceof Error ? [{ error: first }, ...(rest.length > 0 ? rest : [first.message])] : args;
  return spread.map((argument) => (typeof argument === 'string' ? withoutUrlPassword(argument) : argument));
}

// JSON escapes what is below U+0020; terminals also obey the controls above, and some readers end a line at U+2028.
function withoutControls(line: string): string {
  const escaped = (found: string) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return line.replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

function cleanFields(fields: object): Record<string, unknown> {
  try {
    return clean(fields, 0) as Record<string, unknown>;
  } catch (fault) {
    // A value that cannot even be read must not break the work that reports it.
    return { unreadable_fields: fault instanceof Error ? fault.name : 'unknown' };
  }
}

function environmentLevel(): LogLevel {
  const wanted = process.env['STINT_LOG_LEVEL'];
  return logLevels.find((level) => level === wanted) ?? 'info';
}

function activeSpanIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && isSpanContextValid(span)
    ? { trace_id: span.traceId, span_id: span.spanId }
    : {};
}

// A copy without secrets. Errors keep their text, stack and causes: they are written by us and our drivers, and the
// text of a driver's error can carry a connection string, so URLs lose their passwords.
function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string')
    return withoutUrlPassword(value.length <= textMax ? value : `${value.slice(0, textMax)}…`);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return '[secret]';
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (depth >= depthMax) return '[deep]';
  if (value instanceof Error) return cleanError(value, depth);
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => clean(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value))
    copy[key] = sensitiveKey.test(key) ? '[secret]' : clean(member, depth + 1);
  return copy;
}

function cleanError(error: Error, depth: number): Record<string, unknown> {
  const own = Object.fromEntries(
    Object.entries(error).filter(([key]) => key === 'code' || key === 'reason' || key === 'metadata'),
  );
  return {
    type: error.name,
    message: clean(error.message, depth + 1),
    ...(clean(own, depth + 1) as object),
    stack: clean(error.stack ?? '', depth + 1),
    ...(error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1) }),
  };
}

function withoutUrlPassword(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]*@/gi, '$1:[secret]@');
}
