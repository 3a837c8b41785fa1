import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { listenOnUnixSocket, SocketInUseError } from '@stint/common/grpc/unix-socket.ts';
import pc from 'picocolors';
import { seeLeaseRoles } from '../../../deploy/demo/role-witness.ts';
import { devMesh, Mesh, type MeshPart } from '../../../deploy/mesh/mesh.ts';
import { meshPaths } from '../../../deploy/mesh/mesh-paths.ts';
import { type PartNews, restartsMax } from '../../../deploy/mesh/part-keeper.ts';
import { shellWords } from '../commands/option-values.ts';
import { meshVariable } from '../endpoints.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { faultText } from './start-fault.ts';
import { tellStory } from './story.ts';
import { StoryTeller } from './story-teller.ts';
import { TraceForwarder } from './trace-forwarder.ts';
import { TraceStore } from './trace-store.ts';

/** How long users of leases may take to leave the demo database when the mesh ends, in milliseconds. */
const leaveMsMax = 5_000;

export type DevOptions = {
  readonly stateDirectory: string;
  /** End after the story. */
  readonly once: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: { write(text: string): void };
  /** Resolves when the user wants the end: Ctrl-C, SIGTERM. */
  readonly interrupted: Promise<void>;
};

/**
 * Runs a whole mesh on this machine, tells the demo's story, and (unless `once`) stays until interrupted. Whatever happens
 * in between, everything that was started is stopped in order.
 * Returns the exit code: 0, or 1 when a step of the story did not hold or a part could not be started.
 */
export async function runDev(options: DevOptions): Promise<0 | 1> {
  const say = (text: string) => options.out.write(`${text}\n`);
  const sayFault = (fault: unknown) => say(pc.red(`✗ ${faultText(fault)}`));
  let lock: Server;
  try {
    lock = await lockState(options.stateDirectory);
  } catch (fault) {
    sayFault(fault);
    return 1;
  }
  const traces = new TraceStore();
  const forwarder = new TraceForwarder(options.environment, (message) => say(pc.yellow(message)));
  const receiver = await OtlpReceiver.start(traces, forwarder);
  const environment = meshEnvironment(options.environment, receiver.endpoint);
  let mesh: Mesh | undefined;
  try {
    mesh = await startMesh(options, environment);
    say('');
    const told = await tell(mesh, { traces, environment, options });
    if (told === 'interrupted') return 0;
    if (options.once) return told;
    printNext(options, mesh);
    await options.interrupted;
    return told;
  } catch (fault) {
    sayFault(fault);
    return 1;
  } finally {
    await stopAll({ mesh, receiver, lock, say });
  }
}

/** Tells the story, unless it is interrupted before or meanwhile: then nothing more of it is written. */
async function tell(
  mesh: Mesh,
  parts: { traces: TraceStore; environment: Readonly<Record<string, string>>; options: DevOptions },
): Promise<0 | 1 | 'interrupted'> {
  const { out, interrupted } = parts.options;
  const interruption = new AbortController();
  const isOver = interrupted.then(() => {
    interruption.abort();
    return 'interrupted' as const;
  });
  await new Promise((resolve) => setImmediate(resolve)); // an interruption of before is seen now
  const { signal } = interruption;
  if (signal.aborted) return 'interrupted';
  const write = (text: string) => void (signal.aborted || out.write(text));
  const { traces, environment } = parts;
  const story = tellStory({ mesh, traces, environment, teller: new StoryTeller({ write }), signal }).then(
    () => 0 as const,
    (fault: unknown) => {
      write(`${pc.red(`✗ the story broke: ${faultText(fault)}`)}\n`);
      return 1 as const;
    },
  );
  return Promise.race([story, isOver]);
}

/** Starts the mesh; a part that ends by itself is started again, and the user told. */
function startMesh(options: DevOptions, environment: Readonly<Record<string, string>>): Promise<Mesh> {
  const say = (text: string) => options.out.write(`${text}\n`);
  say(`Starting a mesh in ${options.stateDirectory}`);
  return Mesh.start({
    stateDirectory: options.stateDirectory,
    environment,
    onReady: (part, ms) =>
      say(`  ${pc.green('●')} ${part.padEnd(12)} ${pc.dim(`${(ms / 1_000).toFixed(2)} s`)}`),
    keepUp: (news, logFile) => say(`  ${partNewsText(news, logFile)}`),
  });
}

function partNewsText(news: PartNews<MeshPart>, logFile: string): string {
  const { part, kind } = news;
  if (kind === 'back') return pc.green(`${part} is back`);
  if (kind === 'left alone') {
    const why = news.fault === undefined ? 'ended again' : `could not be started: ${faultText(news.fault)}`;
    return pc.red(
      `${part} ${why}; it is left alone after ${restartsMax} restarts: stop the mesh, and see ${logFile}`,
    );
  }
  const next = `it is started again in ${news.delayMs / 1_000} s`;
  return kind === 'ended'
    ? pc.yellow(`${part} ended by itself; ${next}, its log is then ${logFile}.old`)
    : pc.yellow(`${part} could not be started: ${faultText(news.fault)}; ${next}`);
}

/** Our own services export to our receiver, which hands everything on to the user's collector. */
function meshEnvironment(environment: DevOptions['environment'], endpoint: string): Record<string, string> {
  const kept = Object.entries(environment).filter(
    ([name, value]) =>
      value !== undefined &&
      /^(?:PATH|HOME|LANG|TZ|TMPDIR|NO_COLOR|STINT_LOG_LEVEL|OTEL_RESOURCE_ATTRIBUTES|OTEL_METRIC_EXPORT_INTERVAL|OTEL_TRACES_SAMPLER.*)$/.test(
        name,
      ),
  );
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  };
}

/** One mesh a state directory: held by a socket that answers for as long as this process lives. */
async function lockState(stateDirectory: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  const socketPath = path.join(meshPaths(stateDirectory).run, 'mesh', 'mesh.sock');
  try {
    await listenOnUnixSocket(server, socketPath);
  } catch (cause) {
    if (!(cause instanceof SocketInUseError)) throw cause;
    throw new Error(`another mesh runs on "${stateDirectory}": stop it, or name another with --state-dir`, {
      cause,
    });
  }
  return server;
}

async function stopAll(parts: {
  mesh: Mesh | undefined;
  receiver: OtlpReceiver;
  lock: Server;
  say: (text: string) => void;
}): Promise<void> {
  const { mesh, receiver, lock, say } = parts;
  const left = mesh === undefined ? [] : await endLeases(mesh);
  await mesh?.stop();
  await receiver.close();
  lock.close();
  if (left === 'unknown')
    say(pc.red('  the demo database did not answer: users left there end with the next start'));
  else if (left.length > 0) say(pc.red(`  left at the demo database: ${left.join(', ')}`));
  else say(pc.dim('Stopped: no process and no database user is left.'));
}

/**
 * The sidecar gives back what it holds as it stops; what one that died has left is revoked. What is left at the target then
 * is said, not hidden. `unknown`: the target is down.
 */
async function endLeases(mesh: Mesh): Promise<readonly string[] | 'unknown'> {
  await mesh.stopService('sidecar');
  try {
    await mesh.admin.revokeAll('the mesh stops', leaveMsMax);
  } catch {
    // The broker is down, or the target: what stands there is looked at next, and told.
  }
  const end = performance.now() + leaveMsMax;
  for (;;) {
    const left = await leaseRoles(mesh);
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function leaseRoles({ target }: Mesh): Promise<readonly string[] | 'unknown'> {
  try {
    return await seeLeaseRoles(target.server, target.superuserPassword, devMesh.brokerName);
  } catch {
    return 'unknown'; // whatever the fault, the mesh is stopped next, and the user is told
  }
}

/** Whether a command typed in this directory finds the mesh by itself. */
function isFoundFromHere({ paths }: Mesh): boolean {
  return paths.meshFile === path.resolve('.stint/mesh.json');
}

function printNext(options: DevOptions, mesh: Mesh): void {
  const lines = [
    '',
    pc.bold('The mesh is up. In another terminal:'),
    ...(isFoundFromHere(mesh) ? [] : [`  export ${meshVariable}=${shellWords([mesh.paths.state])}`]),
    '  npx stint status',
    "  npx stint exec demo-db read --reason look -- psql -c 'select * from orders'",
    '  npx stint request demo-db write --reason try',
    '  npx stint explain demo-db write',
    '  npx stint grants list',
    '  npx stint audit list',
    '  npx stint audit verify',
    pc.dim(`State and logs are in ${mesh.paths.state}`),
    pc.dim('Ctrl-C stops everything.'),
    '',
  ];
  options.out.write(lines.join('\n'));
}
