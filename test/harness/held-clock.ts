import type { Clock, UnixMs } from '@stint/common/time.ts';

/** A clock that stands until it is moved. */
export type HeldClock = Clock & {
  /** Moves it by so many milliseconds; back where they are negative. */
  advance(ms: number): void;
  /** Moves it to a moment. */
  set(time: UnixMs): void;
};

/** A clock that stands at a moment: at the machine's unless given, so that certificates are also good in real TLS. */
export function heldClock(at: UnixMs = Date.now()): HeldClock {
  let now = at;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    set: (time) => {
      now = time;
    },
  };
}
