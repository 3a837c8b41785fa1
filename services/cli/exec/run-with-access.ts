import { isServiceError, type ServiceError } from '@stint/common/errors.ts';
import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import { services } from '@stint/common/proto.ts';
import { currentTraceparent } from '@stint/common/telemetry.ts';
import { formatDurationMs } from '@stint/common/time.ts';
import { type AccessQuestion, acquireAccess } from '../access.ts';
import { CliError, cliError } from '../cli-error.ts';
import { type CommandSession, containMsMax } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import { silentMsMax, tellLongWait } from '../terminal/long-wait.ts';
import type { ToldChannel } from '../told-channel.ts';
import { type Access, briefTtlText } from '../views/access-view.ts';
import { containmentWaitText, goesOnText, hindranceText, usableLeases } from '../views/containment.ts';
import { distanceText, timeText } from '../views/time-text.ts';
import { credentialForm, makeCredentialDirectory, writeCredentialFiles } from './credential-files.ts';
import { type Interruption, watchInterruption } from './interruption.ts';
import { type ChildEnd, runChild, signalCode } from './run-child.ts';
import {
  type AccessEvent,
  openMsMax,
  openWorkloadSession,
  type WorkloadSession,
} from './workload-session.ts';

export type ExecOptions = {
  readonly question: Omit<AccessQuestion, 'fresh' | 'sessionId'>;
  readonly command: readonly string[];
  /** Secrets in variables too. */
  readonly envSecrets: boolean;
  /** Do not end the command when its access ends early. */
  readonly keepRunning: boolean;
};

/** Endings that are our own doing, or the plan. */
const expectedEnds: readonly string[] = ['completed', 'abandoned'];

const silentSidecarText = `still waiting for the sidecar, which does not answer: ${formatDurationMs(openMsMax - silentMsMax)} more at most; Ctrl-C gives up`;

/**
 * Runs a command with access made for it alone, and takes the access back when it ends. Returns the exit code.
 *
 * 1. a session at the sidecar · 2. the lease, in that session's name · 3. the files · 4. the command · 5. the files are removed ·
 * 6. the lease is released, until nobody can use it · 7. the session ends. A kill -9 after 2: the sidecar sees the session end
 * and gives the lease back; the files stay, and their secrets are dead.
 * Signals before 4 end it without a command; during 4 they go to the command; after it they are too late to matter.
 */
export async function runWithAccess(session: CommandSession, options: ExecOptions): Promise<number> {
  const interruption = watchInterruption(process);
  const { signal } = interruption;
  try {
    const sidecar = await session.channel('sidecar');
    const name = `stint exec ${options.command[0] ?? ''}`;
    const workload = await tellLongWait(session.output, {
      answer: openWorkloadSession(sidecar, { name, signal }),
      describe: () => silentSidecarText,
    });
    try {
      const question = { ...options.question, fresh: true, sessionId: workload.id };
      const access = await acquireAccess(session, question, signal);
      return await new ExecRun({ session, sidecar, workload, access, options, interruption }).run();
    } finally {
      workload.close();
    }
  } catch (thrown) {
    if (interruption.received === undefined || thrown instanceof CliError) throw thrown;
    return signalCode(interruption.received);
  } finally {
    interruption.stop();
  }
}

type ExecRunParts = {
  readonly session: CommandSession;
  readonly sidecar: ToldChannel;
  readonly workload: WorkloadSession;
  readonly access: Access;
  readonly options: ExecOptions;
  readonly interruption: Interruption;
};

/** One command with its access, from the lease to its release. */
class ExecRun {
  readonly #parts: ExecRunParts;
  /** Why the access ended before the command did. */
  #earlyEnd: string | undefined;
  /** The sidecar went away while the command ran: what becomes of the access is told by nobody any more. */
  #isLost = false;
  #terminate: (() => void) | undefined;
  #isOver = false;

  constructor(parts: ExecRunParts) {
    this.#parts = parts;
  }

  async run(): Promise<number> {
    const { workload, options } = this.#parts;
    workload.follow((event) => this.#onEvent(event));
    let ended: ChildEnd | undefined;
    try {
      ended = await this.#runCommand();
    } finally {
      this.#isOver = true;
      await this.#release(ended);
    }
    if (ended?.startFault !== undefined) throw startFailure(options.command[0] ?? '', ended);
    const hasFailed = ended?.exitCode !== exitCodes.ok.code;
    // The release comes first, because a command that loses its connection can end before we hear why.
    if (this.#earlyEnd !== undefined && hasFailed && !options.keepRunning) return exitCodes.ended.code;
    return ended?.exitCode ?? exitCodes.error.code;
  }

  async #runCommand(): Promise<ChildEnd> {
    const { session, access, options, interruption } = this.#parts;
    const directory = await makeCredentialDirectory(session.environment);
    try {
      const at = { directory: directory.path, envSecrets: options.envSecrets };
      const { environment, files } = credentialForm(access.credential, at);
      await writeCredentialFiles(directory.path, files);
      if (interruption.received !== undefined) return { exitCode: signalCode(interruption.received) };
      this.#sayWhatIsHeld();
      return await runChild(options.command, {
        environment: { ...session.environment, ...environment, ...this.#context() },
        onStart: (child) => {
          this.#terminate = () => child.kill('SIGTERM');
          if (this.#earlyEnd !== undefined) this.#endCommand();
        },
      });
    } finally {
      await directory.remove();
    }
  }

  #context(): Readonly<Record<string, string>> {
    const traceparent = currentTraceparent();
    return {
      STINT_GRANT_ID: this.#parts.access.grant.id,
      ...(traceparent === undefined ? {} : { TRACEPARENT: traceparent }),
    };
  }

  #sayWhatIsHeld(): void {
    const { session, access, options } = this.#parts;
    const { id, action, resource, expiresAt } = access.grant;
    const brief = briefTtlText(access, options.question.ttlMs);
    const end = distanceText(expiresAt, session.clock.now()) ?? 'at an unknown time';
    if (brief === undefined)
      session.output.note(`${action} on ${resource} by ${id}, ending ${end} at the latest`);
    else session.output.warn(brief);
  }

  #onEvent(event: AccessEvent): void {
    const { session, access } = this.#parts;
    if (event.kind === 'lost') {
      if (this.#isOver) return;
      this.#isLost = true;
      session.output.warn(
        `the sidecar went away: its access is not renewed any more, and is taken back if the sidecar was stopped; the command goes on`,
      );
      return;
    }
    if (event.grantId !== access.grant.id || expectedEnds.includes(event.reason)) return;
    this.#earlyEnd = event.reason;
    session.output.warn(`access by ${event.grantId} has ended: ${event.reason}`);
    this.#endCommand();
  }

  #endCommand(): void {
    if (!this.#parts.options.keepRunning) this.#terminate?.();
  }

  async #release(ended: ChildEnd | undefined): Promise<void> {
    const { session, sidecar, workload, access } = this.#parts;
    const request = { grantId: access.grant.id, sessionId: workload.id, waitContained: true };
    try {
      const { leases } = await sidecar.call(services.sidecar.Release, request, {
        deadlineMs: containMsMax,
        describeWait: containmentWaitText,
      });
      const usable = usableLeases(leases);
      if (usable.length > 0) session.output.warn(this.#unendedText(usable));
    } catch (thrown) {
      if (!isServiceError(thrown)) throw thrown;
      session.output.warn(this.#isLost ? this.#lostText(ended) : this.#uncertainText(thrown));
    }
  }

  /** The target did not do as it was told: the exit code is the command's all the same. */
  #unendedText(usable: readonly Lease__Output[]): string {
    const { id } = this.#parts.access.grant;
    return `access by ${id} is not yet ended: ${usable.map(hindranceText).join('; ')}; ${goesOnText(id, usable)}`;
  }

  #uncertainText({ reason }: ServiceError): string {
    const { id } = this.#parts.access.grant;
    return `it is not yet certain that ${id} is over (${reason}); the sidecar goes on trying: stint grants show ${id}`;
  }

  /** The last words when there was nobody to give the access back to: what has become of it, and whose the exit code is. */
  #lostText(ended: ChildEnd | undefined): string {
    const { access, session } = this.#parts;
    const { id } = access.grant;
    const end = timeText(access.lease.expiresAt, session.clock.now()) ?? 'at an unknown time';
    return [
      `${id} could not be given back: a sidecar that was stopped has done so itself`,
      `one that was killed leaves it to end ${end}`,
      ...(ended === undefined ? [] : [`exit code ${ended.exitCode} is the command's own`]),
    ].join('; ');
  }
}

function startFailure(program: string, { startFault, exitCode }: ChildEnd): CliError {
  const isMissing = exitCode === exitCodes.notFound.code;
  const { failure } = cliError('COMMAND_NOT_RUN', {
    what: `"${program}" was not run`,
    why: isMissing
      ? 'there is no such command on the PATH'
      : `it cannot be executed (${startFault?.code ?? 'unknown'})`,
    fix: isMissing ? 'install it, or give its full path' : 'check its mode: ls -l',
  });
  return new CliError({ ...failure, exitCode }, startFault);
}
