import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { listenOnUnixSocket, SocketInUseError } from '@stint/common/grpc/unix-socket.ts';
import pc from 'picocolors';
import { seeLeaseRoles } from '../../../deploy/demo/role-witness.ts';
import { devMesh, Mesh, type MeshService } from '../../../deploy/mesh/mesh.ts';
import { meshPaths } from '../../../deploy/mesh/mesh-paths.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { tellStory } from './story.ts';
import { StoryTeller } from './story-teller.ts';
import { TraceForwarder } from './trace-forwarder.ts';
import { TraceStore } from './trace-store.ts';

/** How often a service that ended by itself is started again before the mesh gives up on it. */
const restartsMax = 5;

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
  const sayFault = (fault: unknown) =>
    say(pc.red(`✗ ${fault instanceof Error ? fault.message : String(fault)}`));
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
    const told = await Promise.race([
      tell(mesh, { traces, environment, options }),
      options.interrupted.then(() => 'interrupted' as const),
    ]);
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

async function tell(
  mesh: Mesh,
  parts: { traces: TraceStore; environment: Readonly<Record<string, string>>; options: DevOptions },
): Promise<0 | 1> {
  const teller = new StoryTeller(parts.options.out);
  try {
    await tellStory({ mesh, traces: parts.traces, environment: parts.environment, teller });
    return 0;
  } catch (fault) {
    parts.options.out.write(
      `${pc.red(`✗ the story broke: ${fault instanceof Error ? fault.message : String(fault)}`)}\n`,
    );
    return 1;
  }
}

async function startMesh(options: DevOptions, environment: Readonly<Record<string, string>>): Promise<Mesh> {
  const restarts = new Map<MeshService, number>();
  const say = (text: string) => options.out.write(`${text}\n`);
  say(`Starting a mesh in ${options.stateDirectory}`);
  const mesh: Mesh = await Mesh.start({
    stateDirectory: options.stateDirectory,
    environment,
    onReady: (part, ms) =>
      say(`  ${pc.green('●')} ${part.padEnd(12)} ${pc.dim(`${(ms / 1_000).toFixed(2)} s`)}`),
    onExit: (part) => {
      const count = (restarts.get(part) ?? 0) + 1;
      restarts.set(part, count);
      say(pc.yellow(`  ${part} ended by itself; its log is ${path.join(mesh.paths.logs, `${part}.log`)}`));
      if (count > restartsMax) {
        say(pc.red(`  ${part} ended ${count} times and is left alone; stop the mesh and look at its log`));
        return;
      }
      setTimeout(
        () => {
          mesh
            .startService(part)
            .catch((fault: unknown) =>
              say(
                pc.red(
                  `  ${part} could not be started again: ${fault instanceof Error ? fault.message : String(fault)}`,
                ),
              ),
            );
        },
        500 * 2 ** count,
      );
    },
  });
  return mesh;
}

/** Our own services export to our receiver, which hands everything on to the user's collector. */
function meshEnvironment(environment: DevOptions['environment'], endpoint: string): Record<string, string> {
  const kept = Object.entries(environment).filter(
    ([name, value]) =>
      value !== undefined &&
      /^(?:PATH|HOME|LANG|TZ|TMPDIR|NO_COLOR|STINT_LOG_LEVEL|OTEL_RESOURCE_ATTRIBUTES|OTEL_TRACES_SAMPLER.*)$/.test(
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
  if (left.length > 0) say(pc.red(`  left at the demo database: ${left.join(', ')}`));
  else say(pc.dim('Stopped: no process and no database user is left.'));
}

/** The sidecar gives back what it holds as it stops; what is left at the target then is said, not hidden. */
async function endLeases(mesh: Mesh): Promise<readonly string[]> {
  await mesh.stopService('sidecar');
  const { server, superuserPassword } = mesh.target;
  const end = performance.now() + 5_000;
  for (;;) {
    const left = await seeLeaseRoles(server, superuserPassword, devMesh.brokerName);
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function printNext(options: DevOptions, mesh: Mesh): void {
  const lines = [
    '',
    pc.bold('The mesh is up. In another terminal:'),
    '  npx stint status',
    "  npx stint exec demo-db read --reason 'look around' -- psql -c 'select * from orders'",
    '  npx stint request demo-db write --reason try',
    '  npx stint explain demo-db write',
    '  npx stint grants list',
    '  npx stint audit list',
    '  npx stint audit verify',
    pc.dim(`State and logs are in ${mesh.paths.state}. Ctrl-C stops everything.`),
    '',
  ];
  options.out.write(lines.join('\n'));
}
