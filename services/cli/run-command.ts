import { createLog, type Log } from '@stint/common/log.ts';
import { startTelemetry, withSpan } from '@stint/common/telemetry.ts';
import { systemClock } from '@stint/common/time.ts';
import type { Command } from 'commander';
import { failureOf } from './cli-error.ts';
import { CommandSession } from './command-session.ts';
import { type EndpointName, endpointNames, findEndpoints } from './endpoints.ts';
import { Output, type OutputFormat } from './terminal/output.ts';
import { resultStream } from './terminal/result-stream.ts';
import { shellWords } from './terminal/shell-words.ts';

/** Options that every command takes. */
export type GlobalOptions = {
  readonly output: OutputFormat;
  readonly sidecarSocket?: string;
  readonly brokerSocket?: string;
  readonly auditorSocket?: string;
  readonly logDir?: string;
};

/** What a command was given: its operands in order, and its options. */
export type CommandInput<Options> = {
  readonly args: readonly string[];
  readonly options: Options & GlobalOptions;
};

/** What a command does. Returns its exit code. */
export type CommandWork<Options> = (session: CommandSession, input: CommandInput<Options>) => Promise<number>;

/** Makes commander's action of a command's work. */
export type Runner = <Options extends object>(
  work: CommandWork<Options>,
) => (...received: unknown[]) => Promise<void>;

/**
 * A runner on this process: gives the work a session, writes whatever it throws as a failure, and sets the exit code. The
 * work is one span, and of the trace of TRACEPARENT, when telemetry is asked for. What a failure does not tell, its stack
 * and its causes, is logged when STINT_LOG_LEVEL is set.
 */
export function createRunner(process: NodeJS.Process): Runner {
  return (work) =>
    async (...received) => {
      const command = received.at(-1) as Command;
      const options: GlobalOptions = command.optsWithGlobals();
      const { stderr, env: environment } = process;
      const stdout = resultStream(process.stdout);
      const placeFlags = placeFlagsOf(options);
      const output = new Output({ stdout, stderr, format: options.output, environment, placeFlags });
      const log = logOf(process);
      const telemetry = await startTelemetry('cli', environment);
      const session = new CommandSession({
        output,
        environment,
        endpoints: () => findEndpoints(endpointSources(options, process)),
        clock: systemClock,
        log,
      });
      try {
        const input = { args: command.args, options: options as never };
        const span = { parent: environment['TRACEPARENT'] };
        process.exitCode = await withSpan(`stint ${command.name()}`, span, () => work(session, input));
      } catch (thrown) {
        const failure = failureOf(thrown);
        log[failure.reason === 'INTERNAL' ? 'error' : 'debug']({ error: thrown }, 'command failed');
        output.fail(failure);
        process.exitCode = failure.exitCode;
      } finally {
        session.close();
        await telemetry.stop();
        // A collector that does not answer, or a bus that never greets, would keep the process for seconds more or for ever;
        // the output is written: stdout and stderr are synchronous.
        process.exit();
      }
    };
}

/** Who types a command is told in words what happened: the log speaks on stderr only when it is asked to. */
function logOf({ env, stderr }: NodeJS.Process): Log {
  const isAsked = (env['STINT_LOG_LEVEL'] ?? '') !== '';
  return createLog({ service: 'cli', level: isAsked ? undefined : 'silent', sink: stderr });
}

/** The services that were named on the command line. */
function placesOf(options: GlobalOptions): Partial<Record<EndpointName, string>> {
  const named: Record<EndpointName, string | undefined> = {
    sidecar: options.sidecarSocket,
    broker: options.brokerSocket,
    auditor: options.auditorSocket,
    log: options.logDir,
  };
  return Object.fromEntries(Object.entries(named).filter(([, path]) => path !== undefined));
}

function placeFlagsOf(options: GlobalOptions): string[] {
  return Object.entries(placesOf(options)).flatMap(([name, path]) => [
    endpointNames[name as EndpointName].flag,
    shellWords([path]),
  ]);
}

function endpointSources(options: GlobalOptions, process: NodeJS.Process) {
  return {
    flags: placesOf(options),
    environment: process.env,
    directory: process.cwd(),
    uid: process.geteuid?.() ?? 0,
  };
}
