import { suggestName } from '@stint/common/name-suggestion.ts';
import type { Command, CommanderError } from 'commander';
import { cliError } from './cli-error.ts';
import type { OutputFormat } from './terminal/output.ts';

/**
 * Runs what was typed.
 * @throws CliError USAGE for what commander does not take; CommanderError when it has shown help or the version instead.
 */
export async function runTyped(
  program: Command,
  argv: readonly string[],
  format: OutputFormat,
): Promise<void> {
  refuseAsUsage(program, format);
  await program.parseAsync(argv);
}

/** Makes every refusal of a command and of those below it an error like all others. */
function refuseAsUsage(command: Command, format: OutputFormat): void {
  command.exitOverride((refusal) => {
    const isWordless = refusal.exitCode !== 0 && refusal.code === 'commander.help';
    const [first, topic] = command.args;
    if (isWordless && first === 'help' && topic !== undefined) throw unknownTopic(topic, command);
    if (isWordless && format === 'json') throw incomplete(command);
    // The page that people are shown instead says what is missing.
    throw refusal.exitCode === 0 || isWordless ? refusal : usageError(refusal, command);
  });
  for (const sub of command.commands) refuseAsUsage(sub, format);
}

function incomplete(command: Command): Error {
  return cliError('USAGE', {
    what: `"${pathOf(command)}" is not a whole command`,
    why: `one of these follows: ${command.commands.map((sub) => sub.name()).join(', ')}`,
    fix: `how it is used: ${pathOf(command)} --help`,
  });
}

/** Commander shows its page for a command to be helped with that there is not, without a word. */
function unknownTopic(topic: string, command: Command): Error {
  const meant = suggestName(
    topic,
    command.commands.map((sub) => sub.name()),
  );
  return cliError('USAGE', {
    what: `unknown command '${topic}'`,
    why: 'there is no such command',
    fix: `${meant === '' ? '' : `${meant} `}how it is used: ${pathOf(command)} --help`,
  });
}

/** Why commander refuses, where its own words do not say it. */
const reasons: Readonly<Record<string, string>> = {
  'commander.unknownCommand': 'there is no such command',
  'commander.unknownOption': 'the command has no such option',
  'commander.missingArgument': 'the command cannot do without it',
  'commander.missingMandatoryOptionValue': 'the command cannot do without it',
  'commander.optionMissingArgument': 'the option takes a value',
};

/** What is often meant by what is refused so, before where to read how it is used. */
function hintOf(code: string, command: Command): string {
  if (code === 'commander.excessArguments') return 'put words that belong together into quotes; ';
  const runsAnother = command.registeredArguments.some(({ variadic }) => variadic);
  return code === 'commander.unknownOption' && runsAnother ? 'put the command to be run behind " -- "; ' : '';
}

function usageError(refusal: CommanderError, command: Command): Error {
  const { code } = refusal;
  const { what, why, guess } = readRefusal(refusal);
  const hint = guess === '' ? hintOf(code, command) : `${guess} `;
  return cliError(
    'USAGE',
    {
      what: [...absentOperands(refusal, command), what].join(', and '),
      why: why === '' ? (reasons[code] ?? 'the command line cannot be understood') : why,
      fix: `${hint}how it is used: ${pathOf(command)} --help`,
    },
    refusal,
  );
}

/** Commander looks for options before operands: who typed neither is told of both. */
function absentOperands({ code }: CommanderError, { args, registeredArguments }: Command): string[] {
  if (code !== 'commander.missingMandatoryOptionValue') return [];
  const absent = registeredArguments.slice(args.length).filter(({ required }) => required);
  return absent.map((operand) => `missing required argument '${operand.name()}'`);
}

type Refusal = { readonly what: string; readonly why: string; readonly guess: string };

/** What commander says in one line with why, parted. A value that is refused is repeated in it, and may hold anything. */
const parts: Readonly<Record<string, RegExp>> = {
  'commander.invalidArgument': /^(.* is invalid)\. (.*)$/s,
  'commander.excessArguments': /^(.*?)\. (.*)$/s,
};

/** Commander's words: `error: what`, and a guess in a line of its own. */
function readRefusal({ message, code }: CommanderError): Refusal {
  const text = message.replace(/^error: /, '');
  const [, said = text, guess = ''] = /^(.*)\n\((Did you mean .*)\)$/s.exec(text) ?? [];
  const [, what = said, why = ''] = parts[code]?.exec(said) ?? [];
  return { what, why: clause(why), guess: clause(guess) };
}

/** A sentence of commander's as our errors have them, without its capital and its full stop; ours stay as they are. */
function clause(text: string): string {
  return /^[A-Z]/.test(text) ? (text.charAt(0).toLowerCase() + text.slice(1)).replace(/\.$/, '') : text;
}

function pathOf(command: Command): string {
  return command.parent === null ? 'stint' : `${pathOf(command.parent)} ${command.name()}`;
}
