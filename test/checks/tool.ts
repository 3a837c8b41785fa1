import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { repositoryRoot } from '../../deploy/tools.ts';

/** What a command of the checks came to. */
export type ToolResult = { readonly isOk: boolean; readonly stdout: string; readonly stderr: string };

/**
 * Runs a command to its end. A bare name is a tool of node_modules/.bin if there is one, else of the PATH.
 *
 * @param options.directory - where to run it, absolute or relative to the clone's root
 */
export async function runTool(
  command: readonly [string, ...string[]],
  options: { readonly directory?: string } = {},
): Promise<ToolResult> {
  const [program, ...rest] = command;
  const tools = path.join(repositoryRoot, 'node_modules/.bin');
  const child = spawn(program, rest, {
    cwd: path.resolve(repositoryRoot, options.directory ?? '.'),
    env: { ...process.env, PATH: `${tools}${path.delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { isOk: code === 0, stdout, stderr };
}

/** Runs a command whose exit code is the verdict: undefined when it is content, else what it said. */
export async function faultOf(
  command: readonly [string, ...string[]],
  options: { readonly directory?: string } = {},
): Promise<string | undefined> {
  const result = await runTool(command, options);
  return result.isOk
    ? undefined
    : `${result.stdout}\n${result.stderr}`.trim() || `"${command.join(' ')}" failed`;
}
