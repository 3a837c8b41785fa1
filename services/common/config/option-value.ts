import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { HostPort, Option } from '../config-types.ts';
import { Secret } from '../secret.ts';
import { formatDurationMs, parseDurationMs } from '../time.ts';
import { placeFault } from './place-check.ts';

/** Longest text of one value, in characters, unless the option says less. */
const textMax = 4_096;

/** Largest secret file read, in bytes. */
export const secretFileBytesMax = 65_536;

/** A value read, or what is wrong with it and how to mend it. Never repeats a secret. */
export type Reading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: string };

/**
 * Reads one option's value as it stands in a flag or variable (text) or in a configuration file (JSON).
 * Relative paths are taken from `directory`: that of the configuration file, or the working directory.
 */
export function readOptionValue(option: Option, raw: unknown, directory: string): Reading {
  switch (option.type) {
    case 'boolean':
      return readBoolean(raw);
    case 'integer':
      return readInteger(option, raw);
    case 'list':
      return readList(option, raw);
    default:
      return typeof raw === 'string' ? readText(option, raw, directory) : fault('it must be text');
  }
}

type TextOption = Exclude<Option, { type: 'boolean' | 'integer' | 'list' }>;

function readText(option: TextOption, text: string, directory: string): Reading {
  if (text.length > textMax) return fault(`it must be at most ${textMax} characters`);
  switch (option.type) {
    case 'string':
      return readString(option, text);
    case 'duration':
      return readDuration(option, text);
    case 'path':
      return readPath(option, text, directory);
    case 'address':
      return readAddress(text);
    case 'enum':
      return option.values.includes(text)
        ? good(text)
        : fault(`it must be one of ${option.values.join(', ')}`);
    case 'secretFile':
      return readSecretFile(path.resolve(directory, text));
    default:
      return option satisfies never;
  }
}

function readBoolean(raw: unknown): Reading {
  if (raw === true || raw === 'true') return good(true);
  if (raw === false || raw === 'false') return good(false);
  return fault('it must be true or false');
}

function readInteger(option: Extract<Option, { type: 'integer' }>, raw: unknown): Reading {
  const value = typeof raw === 'string' && /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
  const unit = option.unit === undefined ? '' : ` ${option.unit}`;
  const isIn =
    typeof value === 'number' && Number.isSafeInteger(value) && value >= option.min && value <= option.max;
  return isIn ? good(value) : fault(`it must be a whole number from ${option.min} to ${option.max}${unit}`);
}

function readString(option: Extract<Option, { type: 'string' }>, text: string): Reading {
  const lengthMax = option.lengthMax ?? textMax;
  if (text.length > lengthMax) return fault(`it must be at most ${lengthMax} characters`);
  if (option.pattern !== undefined && !option.pattern.test(text))
    return fault(`it must match ${option.pattern.source}`);
  return good(text);
}

function readPath(option: Extract<Option, { type: 'path' }>, text: string, directory: string): Reading {
  if (text === '' || text.includes('\0')) return fault('it must be a path');
  const place = path.resolve(directory, text);
  const wrong = option.place === undefined ? undefined : placeFault(option.place, place);
  return wrong === undefined ? good(place) : fault(wrong);
}

function readDuration(option: Extract<Option, { type: 'duration' }>, text: string): Reading {
  const min = parseDurationMs(option.min) ?? 0;
  const max = parseDurationMs(option.max) ?? Number.MAX_SAFE_INTEGER;
  const value = parseDurationMs(text);
  if (value !== undefined && value >= min && value <= max) return good(value);
  return fault(
    `it must be a duration such as "90s" or "1h30m", from ${formatDurationMs(min)} to ${formatDurationMs(max)}`,
  );
}

// `host:port`, `[v6]:port`. Port 0 asks the system for a free one, which is of use to tests.
function readAddress(text: string): Reading {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    return fault('it must be host:port, such as 127.0.0.1:7443 or [::1]:7443');
  return good({ host: match[1] ?? match[2] ?? '', port } satisfies HostPort);
}

function readList(option: Extract<Option, { type: 'list' }>, raw: unknown): Reading {
  const items: unknown = typeof raw === 'string' ? raw.split(',').map((item) => item.trim()) : raw;
  const itemsMax = option.itemsMax ?? 64;
  if (!Array.isArray(items) || items.length > itemsMax)
    return fault(`it must be a list of at most ${itemsMax} items`);
  const fits = (item: unknown) =>
    typeof item === 'string' && item !== '' && item.length <= textMax && (option.pattern?.test(item) ?? true);
  const pattern = option.pattern === undefined ? '' : ` that match ${option.pattern.source}`;
  return items.every(fits) ? good(Object.freeze(items)) : fault(`its items must be texts${pattern}`);
}

/** Reads a secret that only its owner and group may read. One newline at the end does not belong to it. */
function readSecretFile(file: string): Reading {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return fault(`"${file}" is not a file`);
    if ((facts.mode & 0o007) !== 0) return fault(`"${file}" is open to every user: run chmod o-rwx on it`);
    if (facts.size > secretFileBytesMax) return fault(`"${file}" is larger than ${secretFileBytesMax} bytes`);
    const bytes = readFileSync(file);
    const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length;
    const secret = new Secret(bytes.subarray(0, end));
    bytes.fill(0);
    return secret.reveal((plaintext) => plaintext.length) === 0 ? fault(`"${file}" is empty`) : good(secret);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT') return fault(`"${file}" does not exist: make it, mode 0600, or name another`);
    return fault(`"${file}" cannot be read (${code ?? 'unknown fault'})`);
  }
}

function good(value: unknown): Reading {
  return { ok: true, value };
}

function fault(text: string): Reading {
  return { ok: false, fault: text };
}
