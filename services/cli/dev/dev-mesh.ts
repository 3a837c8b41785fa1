import { once } from 'node:events';
import type { Server } from 'node:net';
import path from 'node:path';
import { plainText } from '@stint/common/plain-text.ts';
import pc from 'picocolors';
import type { BrokerAdmin } from '../../../deploy/mesh/broker-admin.ts';
import { Mesh } from '../../../deploy/mesh/mesh.ts';
import { ProcessesLeftError } from '../../../deploy/servers/child.ts';
import { meshVariable } from '../endpoints.ts';
import { shellWords } from '../terminal/shell-words.ts';
import { pathText } from '../views/path-text.ts';
import { endText, isClean } from './end-text.ts';
import { foldedText } from './folded-text.ts';
import type { Interruptions } from './interruptions.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { partNewsText } from './part-news.ts';
import { faultText } from './start-fault.ts';
import { lockState } from './state-lock.ts';
import { type MeshEnd, revokeLeftovers, stopMesh } from './stop-mesh.ts';
import { tellStory } from './story.ts';
import { StoryTeller } from './story-teller.ts';
import { TraceForwarder } from './trace-forwarder.ts';
import { TraceStore } from './trace-store.ts';

export type DevOptions = {
  readonly stateDirectory: string;
  /** End after the story. */
  readonly once: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: { write(text: string): void };
  readonly interruptions: Interruptions;
};

/**
 * Runs a whole mesh on this machine, tells the demo's story, and (unless `once`) stays until interrupted. Whatever happens
 * in between, everything that was started is stopped: in order, or killed when it only starts or the user cannot wait.
 * Returns the exit code: 0, or 1 when a step of the story did not hold, a part could not be started, or something is left.
 */
export async function runDev(options: DevOptions): Promise<0 | 1> {
  const { interruptions } = options;
  const say = (text: string) => options.out.write(`${text}\n`);
  const run: DevRun = { options, say, kill: new AbortController(), mesh: undefined };
  const acknowledge = () => {
    say(run.mesh === undefined ? 'Stopping.' : 'Stopping; Ctrl-C again ends at once what still runs.');
    // What has only been started holds nothing that an ordered stop would save.
    if (run.mesh === undefined) run.kill.abort();
  };
  interruptions.stop.addEventListener('abort', acknowledge, { once: true });
  interruptions.kill.addEventListener('abort', () => run.kill.abort(), { once: true });
  let lock: Server;
  try {
    lock = await lockState(options.stateDirectory);
  } catch (fault) {
    sayFault(run, fault);
    return 1;
  }
  try {
    return await startTellStop(run);
  } finally {
    lock.close();
  }
}

/** One run: what it was asked for, and what it has come to. */
type DevRun = {
  readonly options: DevOptions;
  readonly say: (text: string) => void;
  /** Kills every part. */
  readonly kill: AbortController;
  /** Once it is up. */
  mesh: Mesh | undefined;
};

async function startTellStop(run: DevRun): Promise<0 | 1> {
  const { options, say } = run;
  const traces = new TraceStore();
  const forwarder = new TraceForwarder(options.environment, (message) => say(pc.yellow(foldedText(message))));
  const receiver = await OtlpReceiver.start(traces, forwarder);
  const environment = meshEnvironment(options.environment, receiver.endpoint);
  let code: 0 | 1 = 1;
  let end: MeshEnd = { left: [], users: [] };
  try {
    run.mesh = await startMesh(run, environment);
    code = await tellAndStay(run.mesh, { traces, environment, options });
  } catch (fault) {
    const isWanted = options.interruptions.stop.aborted;
    if (isWanted) code = 0;
    const isLeft = fault instanceof ProcessesLeftError;
    if (isLeft) end = { ...end, left: fault.left };
    if (!isWanted) sayFault(run, isLeft ? fault.cause : fault);
  }
  if (run.mesh !== undefined) end = await stopMesh(run.mesh, run);
  // A collector that does not answer keeps it for seconds; who cannot wait for parts does not wait for that either.
  await Promise.race([receiver.close(), aborted(run.kill.signal)]);
  sayEnd(run, end);
  return isClean(end) ? code : 1;
}

function sayFault({ say }: DevRun, fault: unknown): void {
  say(pc.red(foldedText(`✗ ${faultText(fault)}`)));
}

function sayEnd({ say, mesh, options }: DevRun, end: MeshEnd): void {
  // A mesh that never was up has let nobody in; what an earlier one has left there, nobody has asked.
  const isUnasked = mesh === undefined && isClean(end);
  const text = isUnasked ? 'Stopped: no process is left.' : endText(end, options.stateDirectory);
  const paint = isClean(end) ? pc.dim : pc.red;
  say(text.split('\n').map(paint).join('\n'));
}

/** Revokes the grants that a mesh left in force when it was killed: nobody should hold their credentials any more. */
async function endLeftovers(admin: BrokerAdmin, { say, kill }: DevRun): Promise<void> {
  try {
    const count = await revokeLeftovers(admin, kill.signal);
    if (count > 0) say(pc.yellow(`  revoked grants of an earlier run: ${count}`));
  } catch (fault) {
    if (kill.signal.aborted) return; // the start ends here too, and says so
    const text = `  grants of an earlier run may be in force: ${faultText(fault)}; stint grants list --live`;
    say(pc.yellow(foldedText(text)));
  }
}

async function tellAndStay(
  mesh: Mesh,
  parts: { traces: TraceStore; environment: Readonly<Record<string, string>>; options: DevOptions },
): Promise<0 | 1> {
  const { options } = parts;
  const { stop } = options.interruptions;
  options.out.write('\n');
  const told = await tell(mesh, parts);
  if (told === 'interrupted') return 0;
  if (options.once) return told;
  printNext(options, mesh);
  await aborted(stop);
  return told;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Tells the story, unless it is interrupted before or meanwhile: then nothing more of it is written. */
async function tell(
  mesh: Mesh,
  parts: { traces: TraceStore; environment: Readonly<Record<string, string>>; options: DevOptions },
): Promise<0 | 1 | 'interrupted'> {
  const { out, interruptions } = parts.options;
  const signal = interruptions.stop;
  if (signal.aborted) return 'interrupted';
  const isOver = aborted(signal).then(() => 'interrupted' as const);
  const write = (text: string) => void (signal.aborted || out.write(text));
  const { traces, environment } = parts;
  const story = tellStory({ mesh, traces, environment, teller: new StoryTeller({ write }), signal }).then(
    () => 0 as const,
    (fault: unknown) => {
      write(`${pc.red(foldedText(`✗ the story broke: ${faultText(fault)}`))}\n`);
      return 1 as const;
    },
  );
  return await Promise.race([story, isOver]);
}

/** Starts the mesh; a part that ends by itself is started again, and the user told. */
function startMesh(run: DevRun, environment: Readonly<Record<string, string>>): Promise<Mesh> {
  const { options, say, kill } = run;
  say(foldedText(`Starting a mesh in ${options.stateDirectory}`));
  return Mesh.start({
    stateDirectory: options.stateDirectory,
    environment,
    signal: kill.signal,
    beforeSidecar: (admin) => endLeftovers(admin, run),
    onReady: (part, ms) =>
      say(`  ${pc.green('●')} ${part.padEnd(12)} ${pc.dim(`${(ms / 1_000).toFixed(2)} s`)}`),
    keepUp: (news, logFile) => say(partNewsText(news, pathText(logFile, process.cwd()))),
  });
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

/** Whether a command typed in this directory finds the mesh by itself. */
function isFoundFromHere({ paths }: Mesh): boolean {
  return paths.meshFile === path.resolve('.stint/mesh.json');
}

function printNext(options: DevOptions, mesh: Mesh): void {
  const lines = [
    '',
    pc.bold('The mesh is up. In another terminal:'),
    ...(isFoundFromHere(mesh)
      ? []
      : [`  export ${meshVariable}=${plainText(shellWords([mesh.paths.state]))}`]),
    '  npx stint status',
    "  npx stint exec demo-db read --reason look -- psql -c 'select * from orders'",
    '  npx stint request demo-db write --reason try',
    '  npx stint explain demo-db write',
    '  npx stint grants list',
    '  npx stint audit list',
    '  npx stint audit verify',
    pc.dim(foldedText(`State and logs are in ${mesh.paths.state}`)),
    pc.dim('Ctrl-C stops everything.'),
    '',
  ];
  options.out.write(lines.join('\n'));
}
