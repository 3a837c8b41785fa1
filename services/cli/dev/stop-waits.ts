import { formatDurationMs } from '@stint/common/time.ts';
import { silentMsMax } from '../terminal/long-wait.ts';

/** Tells what the stop of a mesh waits for, when that takes longer than {@link silentMsMax}: once each. */
export class StopWaits {
  readonly #say: (text: string) => void;
  readonly #end: number;
  #timer: NodeJS.Timeout | undefined;

  /** `msMax`: how long all waits together may take. */
  constructor(say: (text: string) => void, msMax: number) {
    this.#say = say;
    this.#end = performance.now() + msMax;
  }

  /** The next wait: for what, such as `the broker to stop`, and how long at most. It ends the one before. */
  begin(what: string, msMax: number): void {
    clearTimeout(this.#timer);
    const leftMs = Math.min(msMax, this.#end - performance.now()) - silentMsMax;
    if (leftMs < silentMsMax) return; // it is over before anybody has read it
    const left = formatDurationMs(Math.ceil(leftMs / 1_000) * 1_000);
    const text = `  still waiting for ${what}: ${left} more at most; Ctrl-C ends it now`;
    this.#timer = setTimeout(() => this.#say(text), silentMsMax);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
