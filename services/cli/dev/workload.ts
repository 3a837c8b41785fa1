import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../../../deploy/tools.ts';

/** What the workload told: its event, and facts by name. */
export type WorkloadLine = { readonly event: string; readonly [fact: string]: unknown };

/** Longest that the workload may take to its next word, in milliseconds. */
const wordMsMax = 30_000;

/** The demo workload as its own process, which knows nothing but the sidecar's socket. */
export class DemoWorkload {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<number>;

  constructor(sidecarSocket: string, environment: Readonly<Record<string, string>>) {
    const program = path.join(repositoryRoot, 'deploy/demo/report-job.ts');
    const child = spawn(process.execPath, [program, sidecarSocket], {
      cwd: repositoryRoot,
      env: { ...environment, OTEL_SERVICE_NAME: 'report-job' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#exited = new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  }

  /**
   * Waits for the workload's next word, passing over others.
   * @throws Error when it ends or is silent for too long.
   */
  async hear(event: string): Promise<WorkloadLine> {
    for (;;) {
      const { value, done } = await this.#next(event);
      if (done === true)
        throw new Error(`the workload ended before it told "${event}" (exit code ${await this.#exited})`);
      const line = JSON.parse(value) as WorkloadLine;
      if (line.event === event) return line;
    }
  }

  /** Lets it go on. */
  goOn(): void {
    this.#process.stdin?.write('\n');
  }

  /** Its exit code. */
  finished(): Promise<number> {
    return this.#exited;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async #next(event: string): Promise<IteratorResult<string>> {
    let timer: NodeJS.Timeout | undefined;
    const silent = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the workload did not tell "${event}" within ${wordMsMax / 1_000} s`)),
        wordMsMax,
      );
    });
    try {
      return await Promise.race([this.#lines.next(), silent]);
    } finally {
      clearTimeout(timer);
    }
  }
}
