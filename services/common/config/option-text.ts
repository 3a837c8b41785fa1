import type { ConfigSpec, Option, OptionTable } from '../config-types.ts';
import { flagOf, variableOf } from './option-name.ts';

/** The text of `--help`. */
export function optionHelp(spec: ConfigSpec<OptionTable>): string {
  const options = Object.entries(spec.options).map(([key, option]) => {
    const facts = [variableOf(spec.service, key), kindOf(option), defaultOf(option)].filter(
      (fact) => fact !== '',
    );
    return `  ${flagOf(key)}\n      ${option.doc}\n      ${facts.join('; ')}\n`;
  });
  return [
    `stint ${spec.service}: ${spec.summary}\n\n`,
    'Values are taken from the defaults, then the file, then the environment, then the flags.\n\n',
    '  --config <file>\n      A JSON object of options by their key (--mesh-listen is "meshListen").\n',
    '  --check-config\n      Checks the configuration and the files that it names, and ends.\n',
    '  --print-config\n      Prints the configuration as it would be used, without secrets, and ends.\n',
    '  --help\n      Prints this and ends.\n\n',
    ...options,
  ].join('');
}

/** The options as a markdown table: what the documentation of a service is made from. */
export function optionMarkdown(spec: ConfigSpec<OptionTable>): string {
  const rows = Object.entries(spec.options).map(([key, option]) => {
    const cells = [
      `\`${key}\``,
      `\`${flagOf(key)}\``,
      `\`${variableOf(spec.service, key)}\``,
      kindOf(option),
      defaultOf(option),
      option.doc,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  });
  return ['| key | flag | variable | kind | default | what |\n', '|---|---|---|---|---|---|\n', ...rows].join(
    '',
  );
}

function kindOf(option: Option): string {
  switch (option.type) {
    case 'integer':
      return `whole number, ${option.min} to ${option.max}${option.unit === undefined ? '' : ` ${option.unit}`}`;
    case 'duration':
      return `duration, ${option.min} to ${option.max}`;
    case 'enum':
      return `one of ${option.values.join(', ')}`;
    case 'address':
      return 'host:port';
    case 'secretFile':
      return 'file with a secret, not open to every user';
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'list, separated by commas';
    case 'string':
      return 'text';
    case 'path':
      return 'path';
    default:
      return option satisfies never;
  }
}

function defaultOf(option: Option): string {
  const value = 'default' in option ? option.default : undefined;
  if (value !== undefined) return `default ${Array.isArray(value) ? value.join(',') : String(value)}`;
  return 'optional' in option ? 'not set unless given' : 'must be set';
}
