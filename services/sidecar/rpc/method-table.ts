import type { MethodRow, MethodTable } from '@stint/common/grpc-method.ts';
import type { services } from '@stint/common/proto.ts';

/** Most calls of Acquire at once: more may share one question to the broker than the broker is asked questions. */
export const acquireConcurrencyMax = 4_096;

const callers = ['local'] as const;
const quick = { callers, deadlineMs: { default: 5_000, max: 60_000 }, concurrencyMax: 256 } as const;
const asking = { callers, deadlineMs: { default: 30_000, max: 60_000 } } as const;

/** What the sidecar allows of each method. Whoever can open the socket is the workload, and may call all. */
export const sidecarMethods: MethodTable<typeof services.sidecar> = {
  // 64 entries of at most 320 bytes, a justification of 1 KiB, and room.
  Acquire: { ...asking, concurrencyMax: acquireConcurrencyMax, requestBytesMax: 65_536 },
  Release: { ...asking, concurrencyMax: 1_024, requestBytesMax: 1_024 },
  Renew: { ...asking, concurrencyMax: 1_024, requestBytesMax: 1_024 },
  Watch: { callers, deadlineMs: 'endless', concurrencyMax: 1_024, requestBytesMax: 1_024 },
  List: { ...quick, requestBytesMax: 64 },
  Verify: { ...quick, concurrencyMax: 4_096, requestBytesMax: 65_536 },
  GetStatus: { ...quick, requestBytesMax: 64 },
} satisfies Record<string, MethodRow>;
