import type { Command } from 'commander';
import { asTyped } from '../called-as.ts';
import { calledOf, noteLines } from './help-format.ts';

/** What `--help` of a command says around its usage and options. */
export type CommandHelp = {
  /** One line, a verb first. */
  readonly purpose: string;
  /** Command lines as they are typed; one that is long goes on in a second line. */
  readonly examples: readonly string[];
  /** Facts that must be known to use it rightly, a sentence each. */
  readonly notes?: readonly string[];
  /** Commands that usually come next. */
  readonly next?: readonly string[];
};

/** Gives a command its help: purpose, examples first, then usage by commander, notes and next commands last. */
export function describeCommand(command: Command, help: CommandHelp): Command {
  const examples = help.examples.map((example) => `  $ ${example}`).join('\n');
  return command
    .summary(help.purpose)
    .description(`${help.purpose}\n\nExamples:\n${examples}`)
    .addHelpText('after', ({ command: shown }) => {
      const width = shown.configureOutput().getOutHelpWidth?.() ?? Number.POSITIVE_INFINITY;
      const typed = (text: string) => asTyped(text, calledOf(shown));
      const notes = noteLines((help.notes ?? []).map(typed), width);
      const next = (help.next ?? []).map((line) => typed(`  $ ${line}\n`)).join('');
      return `${notes === '' ? '' : `\nNotes:\n${notes}`}${next === '' ? '' : `\nNext:\n${next}`}`;
    });
}
