import path from 'node:path';
import { type PlaceKind, placeFault } from '@stint/common/config/place-check.ts';
import { eventTypes } from '@stint/common/event-table.ts';
import { suggestName } from '@stint/common/name-suggestion.ts';
import { spiffeIdFault } from '@stint/common/spiffe-id.ts';
import { formatDurationMs, parseDurationMs } from '@stint/common/time.ts';
import { InvalidArgumentError, Option } from 'commander';

/** Most records or grants that one command shows. */
export const limitMax = 1_000;

/** Reads a duration such as `5m`, in milliseconds. */
export function readDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('durations look like 90s, 15m, 1h30m');
  return ms;
}

/** Reads one more `key=value`, and keeps those before it. */
export function readPair(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('facts look like key=value');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Reads the name of a file, which must be there. */
export const readFileName = placeReader('file');

/** Reads the name of a file that can be made. */
export const readNewFileName = placeReader('new file');

/** Reads the name of a directory, which must be there. */
export const readDirectoryName = placeReader('directory');

/** Reads the name of a directory that is there and can be written in, or can be made. */
export const readNewDirectoryName = placeReader('new directory');

function placeReader(kind: PlaceKind): (text: string) => string {
  return (text) => {
    const fault = placeFault(kind, path.resolve(text));
    if (fault !== undefined) throw new InvalidArgumentError(fault);
    return text;
  };
}

/** Keeps one more value of an option that may be repeated. */
export function oneMore(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Reads a whole number from 0. */
export function readIndex(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('it must be a whole number from 0');
  return Number(text);
}

/** Reads how many to show: 1 to {@link limitMax}. */
export function readLimit(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > limitMax)
    throw new InvalidArgumentError(`it must be a whole number from 1 to ${limitMax}`);
  return count;
}

/** Reads a SPIFFE ID; a wrong one is refused in the name of its option. */
export function readSpiffeId(text: string): string {
  const fault = spiffeIdFault(text);
  if (fault !== undefined) throw new InvalidArgumentError(`it is not a SPIFFE ID: ${fault}`);
  return text;
}

/** Reads the beginning of an event type; one that no type has is refused with those that are near. */
export function readEventType(text: string): string {
  if (eventTypes.some((type) => type.startsWith(text))) return text;
  throw new InvalidArgumentError(`no event type begins so: ${nearTypes(text.toLowerCase())}`);
}

function nearTypes(typed: string): string {
  const kinds = [...new Set(eventTypes.map((type) => type.replace(/\..*/, '.')))];
  const ofKind = eventTypes.filter((type) => type.startsWith(typed.replace(/\..*|$/, '.')));
  const ofWord = eventTypes.filter((type) => type.endsWith(`.${typed}`));
  const meant = suggestName(typed, ofKind.length > 0 ? ofKind : [...kinds, ...eventTypes]);
  if (meant !== '') return meant;
  const near = [ofKind, ofWord].find((types) => types.length > 0) ?? kinds;
  return `there ${near.length === 1 ? 'is' : 'are'} ${near.join(', ')}`;
}

/** `--ttl` with a default, in milliseconds, which help shows as it is typed. */
export function ttlOption(description: string, defaultMs: number): Option {
  return new Option('--ttl <duration>', description)
    .argParser(readDuration)
    .default(defaultMs, formatDurationMs(defaultMs));
}

/** `--context key=value`, as often as there are facts. */
export function contextOption(): Option {
  return new Option('--context <key=value>', 'a fact about the work, such as ticket=OPS-7; may be repeated')
    .argParser(readPair)
    .default({}, 'none');
}
