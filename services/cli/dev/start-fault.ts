import { ChildStartError } from '../../../deploy/servers/child.ts';
import { CliError } from '../cli-error.ts';

/**
 * A fault as `stint dev` says it. A service that could not start has said why in its log, a JSON object a line: of that,
 * the fault's own text and what mends it are repeated, without the stack, its lines kept.
 */
export function faultText(fault: unknown): string {
  if (fault instanceof CliError) return refusalText(fault);
  if (!(fault instanceof ChildStartError)) return fault instanceof Error ? fault.message : String(fault);
  const said = fault.lines.map(fatalText).find((text) => text !== undefined);
  const [head = ''] = fault.message.split('\n');
  return said === undefined ? fault.message : `${head}\n${said.replace(/^/gm, '  ')}`;
}

/** One that the command line itself found, line by line as every command writes it. */
function refusalText({ failure: { what, why, fix, reason } }: CliError): string {
  return `${what}\n  why: ${why}\n  fix: ${fix}\n  code: ${reason}`;
}

/** What a line of a service's log says of the fault that ended it; undefined for every other line. */
function fatalText(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, error, fix } = JSON.parse(line) as {
      level?: unknown;
      error?: { message?: unknown };
      fix?: unknown;
    };
    if (level !== 'fatal' || typeof error?.message !== 'string') return undefined;
    return typeof fix === 'string' ? `${error.message}\nfix: ${fix}` : error.message;
  } catch {
    return undefined; // a line cut short by its writer's end is shown as it is
  }
}
