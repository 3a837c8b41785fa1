import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { ConfigOf, ConfigSpec, Option, OptionTable } from '../config-types.ts';
import { Secret } from '../secret.ts';
import { flagOf, kebab, variableOf, variablePrefixOf } from './option-name.ts';
import { optionHelp } from './option-text.ts';
import { readOptionValue } from './option-value.ts';

/** Largest configuration file read, in bytes. */
const fileBytesMax = 1_048_576;

/** Where values come from: a service's main passes `process.argv.slice(2)`, `process.env` and `process.cwd()`. */
export type ConfigInput = {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
};

/** A text to print, and the code to end with. */
export type ConfigText = { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 | 2 };

/**
 * What the command line asks for: to run with this configuration, to look for faults in what it names and end with
 * {@link checkedText}, or to print a text and end.
 */
export type ConfigOutcome<Table extends OptionTable> =
  | { readonly kind: 'run'; readonly config: ConfigOf<Table> }
  | { readonly kind: 'check'; readonly config: ConfigOf<Table> }
  | ConfigText;

type Source = { readonly raw: unknown; readonly where: string; readonly directory: string };
type Found = Map<string, Source>;

/**
 * Parses a service's configuration: default < file named by `--config` < variable < flag. Everything is checked, every
 * fault is listed with what, where, why and how to mend it, and anything unknown that could be a misspelt option (a key
 * of the file, a variable with the service's prefix, a flag) is a fault. The result is frozen; nothing reads the
 * environment later. Reads the configuration file and secret files, and looks at
 * the places that paths name; writes nothing.
 */
export function parseConfig<Table extends OptionTable>(
  spec: ConfigSpec<Table>,
  input: ConfigInput,
): ConfigOutcome<Table> {
  const faults: string[] = [];
  const flags = readFlags(spec.options, input, faults);
  if (flags.commands.has('help')) return { kind: 'print', text: optionHelp(spec), exitCode: 0 };
  const found: Found = new Map([
    ...readFile(spec, { file: flags.file, directory: input.directory }, faults),
    ...readVariables(spec, input, faults),
    ...flags.found,
  ]);
  const values = readValues(spec, { found, directory: input.directory }, faults);
  if (faults.length > 0) return checkedText(spec.service, faults);
  if (flags.commands.has('print-config')) return { kind: 'print', text: printable(values), exitCode: 0 };
  const kind = flags.commands.has('check-config') ? 'check' : 'run';
  return { kind, config: Object.freeze(values) as ConfigOf<Table> };
}

/** What is said of a configuration that was checked: its faults, or that it has none. */
export function checkedText(service: string, faults: readonly string[]): ConfigText {
  return faults.length > 0
    ? { kind: 'print', text: faultList(service, faults), exitCode: 2 }
    : { kind: 'print', text: 'configuration is good\n', exitCode: 0 };
}

/** The configuration as JSON for people: secrets show only as `[secret]`. */
export function printable(values: Readonly<Record<string, unknown>>): string {
  const show = (_key: string, value: unknown) => (value instanceof Secret ? '[secret]' : value);
  return `${JSON.stringify(values, show, 2)}\n`;
}

const commands = ['help', 'check-config', 'print-config'] as const;
type Command = (typeof commands)[number];

function readFlags(
  options: OptionTable,
  input: ConfigInput,
  faults: string[],
): { found: Found; file: string | undefined; commands: Set<Command> } {
  const known: Record<string, { type: 'string' | 'boolean' }> = { config: { type: 'string' } };
  for (const command of commands) known[command] = { type: 'boolean' };
  for (const [key, option] of Object.entries(options))
    known[kebab(key)] = { type: option.type === 'boolean' ? 'boolean' : 'string' };
  const { tokens } = parseArgs({
    args: [...input.args],
    options: known,
    strict: false,
    allowNegative: true,
    tokens: true,
  });
  const byFlag = new Map(Object.keys(options).map((key) => [kebab(key), key]));
  const result = {
    found: new Map() as Found,
    file: undefined as string | undefined,
    commands: new Set<Command>(),
  };
  for (const token of tokens) {
    if (token.kind === 'positional')
      faults.push(`"${token.value}" on the command line: not a flag; see --help`);
    if (token.kind !== 'option') continue;
    const isNegative = token.rawName.startsWith('--no-') && !byFlag.has(token.rawName.slice(2));
    const name = isNegative ? token.rawName.slice('--no-'.length) : token.name;
    const key = byFlag.get(name);
    const type = known[name]?.type;
    if (type === undefined || (isNegative && type !== 'boolean'))
      faults.push(`${token.rawName}: unknown flag; see --help`);
    else if (type === 'string' && token.value === undefined)
      faults.push(`${token.rawName}: a value must follow it`);
    else if (key !== undefined)
      result.found.set(key, {
        raw: token.value ?? String(!isNegative),
        where: token.rawName,
        directory: input.directory,
      });
    else if (name === 'config') result.file = token.value;
    else result.commands.add(name as Command);
  }
  return result;
}

function readVariables(spec: ConfigSpec<OptionTable>, input: ConfigInput, faults: string[]): Found {
  const byVariable = new Map(Object.keys(spec.options).map((key) => [variableOf(spec.service, key), key]));
  const found: Found = new Map();
  for (const [name, raw] of Object.entries(input.environment)) {
    if (!name.startsWith(variablePrefixOf(spec.service)) || raw === undefined) continue;
    const key = byVariable.get(name);
    if (key === undefined) faults.push(`${name} in the environment: unknown option; see --help`);
    else found.set(key, { raw, where: name, directory: input.directory });
  }
  return found;
}

function readFile(
  spec: ConfigSpec<OptionTable>,
  at: { file: string | undefined; directory: string },
  faults: string[],
): Found {
  const found: Found = new Map();
  if (at.file === undefined) return found;
  const file = path.resolve(at.directory, at.file);
  const content = readJsonObject(file);
  if (typeof content === 'string') {
    faults.push(`${file}: ${content}`);
    return found;
  }
  for (const [key, raw] of Object.entries(content)) {
    if (Object.hasOwn(spec.options, key))
      found.set(key, { raw, where: `"${key}" in ${file}`, directory: path.dirname(file) });
    else faults.push(`"${key}" in ${file}: unknown option; see --help`);
  }
  return found;
}

function readJsonObject(file: string): Record<string, unknown> | string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > fileBytesMax) return `larger than ${fileBytesMax} bytes`;
    const content: unknown = JSON.parse(text);
    const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
    return isObject ? (content as Record<string, unknown>) : 'it must hold one JSON object of options';
  } catch (thrown) {
    return thrown instanceof SyntaxError
      ? `not JSON: ${thrown.message}`
      : `the file of --config cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unknown fault'}): name one that is there`;
  }
}

function readValues(
  spec: ConfigSpec<OptionTable>,
  from: { found: Found; directory: string },
  faults: string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(spec.options)) {
    const source = from.found.get(key) ?? defaultOf(option, from.directory);
    values[key] = undefined;
    if (source === undefined) {
      if (!('optional' in option))
        faults.push(
          `${key}: it must be set: by ${flagOf(key)}, ${variableOf(spec.service, key)} or "${key}" in the file`,
        );
      continue;
    }
    const reading = readOptionValue(option, source.raw, source.directory);
    if (reading.ok) values[key] = Object.freeze(reading.value);
    else faults.push(`${source.where}: ${reading.fault}`);
  }
  return values;
}

function defaultOf(option: Option, directory: string): Source | undefined {
  const raw = 'default' in option ? option.default : undefined;
  return raw === undefined ? undefined : { raw, where: 'the default', directory };
}

function faultList(service: string, faults: readonly string[]): string {
  const one = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return `stint ${service} does not start: ${one} in its configuration\n${faults.map((fault) => `  ${fault}\n`).join('')}`;
}
