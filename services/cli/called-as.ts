type Environment = Readonly<Record<string, string | undefined>>;

/** What is typed for the command line: what npm runs is not on the PATH of the shell that it was typed in. */
export type CalledAs = 'stint' | 'npx stint';

/** How the command line was called: npm, npx among it, says in its command's environment that it runs it. */
export function calledAs(environment: Environment): CalledAs {
  return environment['npm_command'] === undefined ? 'stint' : 'npx stint';
}

/** Where a text of ours has a command line: at a line's beginning or behind one of these, never in a text of others' quotes. */
const commandLine = /(?<=^|[:;,] |\(|\$ |&& )stint (?=[a-z-])/gm;

/**
 * A text of ours with its command lines as they are to be typed; it is written with `stint`. `flags`: those that this command
 * was told its services by, as words for a shell; without them the next command would ask others.
 */
export function asTyped(text: string, called: CalledAs, flags: readonly string[] = []): string {
  const typed = [called, ...flags].join(' ');
  return typed === 'stint' ? text : text.replaceAll(commandLine, () => `${typed} `);
}
