import { type Command, Help, type HelpConfiguration, type Option } from 'commander';
import { asTyped, type CalledAs } from '../called-as.ts';
import { proseWidthMax } from './output.ts';
import { wrapProse } from './wrap-text.ts';

/** Least room for descriptions beside their terms; with less, each stands below its term. */
const besideWidthMin = 32;

/** How far a description that stands below its term is indented, in columns. */
const belowIndent = 6;

/** How help is laid out: examples as they are typed, defaults only where they say something, narrow terminals respected. */
export const helpFormat: HelpConfiguration = {
  showGlobalOptions: true,
  minWidthToWrap: 20,
  commandDescription: (command) => asTyped(command.description(), calledOf(command)),
  subcommandTerm: (command) => `${command.name()}${operandsOf(command)}`,
  optionDescription,
  boxWrap,
  formatItem,
};

/** Columns that help is wrapped at: those of a narrow terminal, and those that are easily read everywhere else. */
export function helpWidthOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  const columns = stream.isTTY === true ? (stream.columns ?? 0) : 0;
  return columns > 0 ? Math.min(columns, proseWidthMax) : proseWidthMax;
}

/** Notes under a command's help, each wrapped below its indent. */
export function noteLines(notes: readonly string[], width: number): string {
  return notes
    .flatMap((note) => wrapProse(note, width - 2))
    .map((line) => `  ${line}\n`)
    .join('');
}

/** What the whole program is called. */
export function calledOf(command: Command): CalledAs {
  const root = command.parent;
  return root === null ? (command.name() as CalledAs) : calledOf(root);
}

function operandsOf(command: Command): string {
  return command.registeredArguments
    .map((operand) => {
      const name = operand.name() + (operand.variadic ? '...' : '');
      return operand.required ? ` <${name}>` : ` [${name}]`;
    })
    .join('');
}

function optionDescription(option: Option): string {
  const facts = [
    ...(option.argChoices === undefined ? [] : [`one of ${option.argChoices.join(', ')}`]),
    ...(saysSomething(option.defaultValue)
      ? [`default: ${option.defaultValueDescription ?? option.defaultValue}`]
      : []),
  ];
  return facts.length === 0 ? option.description : `${option.description} (${facts.join('; ')})`;
}

/** Off, nothing and none are what everybody expects of an option that is not given. */
function saysSomething(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

/** The first line is a purpose and is wrapped; what follows in a text of several lines is typed as it stands. */
function boxWrap(this: Help, text: string, width: number): string {
  const [first = '', ...rest] = text.split('\n');
  return [Help.prototype.boxWrap.call(this, first, width), ...rest].join('\n');
}

function formatItem(
  this: Help,
  ...[term, termWidth, description, helper]: Parameters<Help['formatItem']>
): string {
  const width = this.helpWidth ?? Number.POSITIVE_INFINITY;
  if (description === '' || width - termWidth - 4 >= besideWidthMin)
    return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
  const below = ' '.repeat(belowIndent);
  const wrapped = helper.boxWrap(description, width - belowIndent).replaceAll('\n', `\n${below}`);
  return `  ${term}\n${below}${wrapped}`;
}
