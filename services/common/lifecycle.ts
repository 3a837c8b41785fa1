import { checkedText, parseConfig } from './config/parse-config.ts';
import type { ConfigOf, ConfigSpec, OptionTable } from './config-types.ts';
import { createLog, type Log, type LogLevel } from './log.ts';
import { startTelemetry } from './telemetry.ts';

/** Longest that stopping may take, in milliseconds; what still runs then is cut off and the exit code is 1. */
export const stopMsMax = 10_000;

/** Oldest Node that runs Stint: type stripping, `node:sqlite` and `import.meta.main` are needed. */
const nodeMajorMin = 24;

/** What a service's start is given. */
export type ServiceContext = {
  readonly log: Log;
  /**
   * Registers how a part that has just been started is stopped. Parts stop in the reverse order; each is given the
   * milliseconds left of the one deadline. A stop that throws is logged and does not keep the others from stopping.
   */
  onStop(part: string, stop: (deadlineMs: number) => void | Promise<void>): void;
  /** Ends the service as if by a fault: for a part that finds out later that it cannot go on. */
  fail(part: string, cause: unknown): void;
};

/** How a service is configured. */
export type ConfigureOptions<Table extends OptionTable> = {
  /** The command line; the process's own unless given. */
  readonly args?: readonly string[];
  /**
   * For `--check-config`: what would end the start at once though every option is good, in the words of the start, such as
   * faults of files that other files name. Writes nothing and connects to nothing.
   */
  readonly faultsOf?: (config: ConfigOf<Table>) => Promise<readonly string[]>;
};

/**
 * This process's configuration, from its flags, variables and file. Undefined when the command line asked only to have
 * something printed or checked, or when the configuration has faults: both are printed then, and the exit code is set.
 */
export async function configure<Table extends OptionTable>(
  spec: ConfigSpec<Table>,
  { args = process.argv.slice(2), faultsOf }: ConfigureOptions<Table> = {},
): Promise<ConfigOf<Table> | undefined> {
  const outcome = parseConfig(spec, { args, environment: process.env, directory: process.cwd() });
  if (outcome.kind === 'run') return outcome.config;
  const said =
    outcome.kind === 'check' ? checkedText(spec.service, (await faultsOf?.(outcome.config)) ?? []) : outcome;
  (said.exitCode === 0 ? process.stdout : process.stderr).write(said.text);
  process.exitCode = said.exitCode;
  return undefined;
}

/** What a service says when it is ready: where it listens. No secrets; this goes to stdout. */
export type ReadyFacts = Readonly<Record<string, string | number | boolean>>;

/** A service's program. */
export type ServiceProgram = {
  /** `broker`, `sidecar`, `auditor`. */
  readonly name: string;
  readonly logLevel?: LogLevel | undefined;
  /** End when stdin closes: a parent that dies, however it dies, leaves no orphan. The parent holds the other end. */
  readonly exitWithParent?: boolean;
  /** Starts the parts in order, and says where they listen. A throw stops what was started; the exit code is 1. */
  readonly start: (service: ServiceContext) => Promise<ReadyFacts>;
};

/** What to do about a fault of the system at the start, by its code. */
const fixes: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'stop what listens there, or name another address by the option (--help lists those that end in -listen)',
  EADDRNOTAVAIL: 'name an address of this machine by the option (--help lists those that end in -listen)',
  ENOTFOUND: 'name an address of this machine by the option (--help lists those that end in -listen)',
};

type Part = { readonly name: string; readonly stop: (deadlineMs: number) => void | Promise<void> };

/**
 * Runs a service for the life of the process. When all parts have started, one line goes to stdout, which a parent can
 * wait for: `{"ready":"<name>","pid":<n>,…facts}`. SIGTERM or SIGINT stops in reverse within {@link stopMsMax}; a second
 * one ends at once. An uncaught fault is logged and ends the process with 1: its state is not known any more.
 */
export async function runService(program: ServiceProgram): Promise<void> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < nodeMajorMin)
    throw new Error(`stint needs Node ${nodeMajorMin} or newer; this is ${process.version}`);
  const log = createLog({ service: program.name, level: program.logLevel });
  const running = new RunningService(program.name, log);
  hookProcess(running, log);
  if (program.exitWithParent === true) watchParent(running);
  try {
    // 1. telemetry first, so that the parts' own start is traced; it is stopped last.
    const telemetry = await startTelemetry(program.name, process.env);
    running.onStop('telemetry', () => telemetry.stop());
    // 2. the parts, each registering its stop.
    const facts = await program.start(running);
    // 3. say so.
    if (running.isStopping) return;
    log.info({ ...facts, node: process.version }, 'ready');
    process.stdout.write(`${JSON.stringify({ ready: program.name, pid: process.pid, ...facts })}\n`);
  } catch (cause) {
    running.fail('start', cause);
  }
}

class RunningService implements ServiceContext {
  readonly log: Log;
  readonly #name: string;
  readonly #parts: Part[] = [];
  #stopping: Promise<void> | undefined;
  #exitCode = 0;

  constructor(name: string, log: Log) {
    this.#name = name;
    this.log = log;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  onStop(part: string, stop: Part['stop']): void {
    this.#parts.push({ name: part, stop });
    // Started while the service was already stopping: the loop in #stopParts takes it as the next.
  }

  fail(part: string, cause: unknown): void {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
    this.log.fatal({ part, error: cause, fix: fixes[code] }, 'the service cannot go on');
    this.#exitCode = 1;
    this.stop(`fault in ${part}`);
  }

  stop(why: string): void {
    if (this.#stopping !== undefined) return;
    this.log.info({ why }, 'stopping');
    this.#stopping = this.#stopAll();
  }

  async #stopAll(): Promise<void> {
    const end = performance.now() + stopMsMax;
    const timer = setTimeout(() => {
      this.log.error({ deadline_ms: stopMsMax, part: this.#parts.at(-1)?.name }, 'not stopped in time');
      process.exit(1);
    }, stopMsMax);
    for (let part = this.#parts.at(-1); part !== undefined; part = this.#parts.at(-1)) {
      try {
        await part.stop(Math.max(0, end - performance.now()));
      } catch (cause) {
        this.log.error({ part: part.name, error: cause }, 'stopping failed');
        this.#exitCode = 1;
      }
      this.#parts.splice(this.#parts.indexOf(part), 1);
    }
    clearTimeout(timer);
    this.log.info({ exit_code: this.#exitCode }, `${this.#name} stopped`);
    process.exit(this.#exitCode);
  }
}

function hookProcess(running: RunningService, log: Log): void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (!running.isStopping) return running.stop(signal);
    log.warn({ signal }, 'second signal: ending at once');
    return process.exit(1);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Node's own answer to SIGUSR1 is to open the inspector: code execution for whoever reaches the port.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 is ignored'));
  const onFault = (kind: string) => (cause: unknown) => {
    log.fatal({ error: cause }, kind);
    process.exit(1);
  };
  process.on('uncaughtException', onFault('uncaught exception'));
  process.on('unhandledRejection', onFault('unhandled rejection'));
}

function watchParent(running: RunningService): void {
  process.stdin.on('end', () => running.stop('the parent closed stdin'));
  process.stdin.on('error', () => running.stop('stdin failed'));
  process.stdin.resume();
}
