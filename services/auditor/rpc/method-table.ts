import type { AllowedCaller, MethodRow, MethodTable } from '@stint/common/grpc-method.ts';
import type { services } from '@stint/common/proto.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';

/** Who reads the log: viewers by their SVID, and whoever may open the local socket. */
const readers: readonly AllowedCaller[] = ['local', isViewerId];

/**
 * How many long calls of one kind may be open at once, of all viewers together: feeds; proofs that wait for a record or a
 * checkpoint, each woken by every change of the log; and lists, which take turns. The second half of these places is kept
 * for viewers that have no such call open, one each.
 */
export const lastingCallsMax = 64;
/** The same, of one identity. */
export const tailsPerIdentityMax = 8;
export const proofsPerIdentityMax = 16;
export const listsPerIdentityMax = 8;

const unary: MethodRow = {
  callers: readers,
  deadlineMs: { default: 10_000, max: 60_000 },
  concurrencyMax: 64,
  requestBytesMax: 8_192,
};

/** Above what there are places for: whoever gets none is told so, and when to try again, by the places themselves. */
const lasting: MethodRow = { ...unary, concurrencyMax: 2 * lastingCallsMax };

/** The auditor's methods, each with its callers and limits. */
export const auditMethods: MethodTable<typeof services.audit> = {
  ListRecords: lasting,
  TailRecords: { ...lasting, deadlineMs: 'endless' },
  GetInclusionProof: lasting,
  GetConsistencyProof: unary,
  GetCheckpoint: unary,
  GetStatus: unary,
};

const operator: MethodRow = { ...unary, callers: ['local'], concurrencyMax: 4 };

/** What the operator alone may do, on the local socket. `SkipGap` and `DismissQuarantined` write to the log: nothing undoes them. */
export const auditAdminMethods: MethodTable<typeof services.auditAdmin> = {
  ListQuarantine: operator,
  GetQuarantined: operator,
  DismissQuarantined: operator,
  ListGaps: operator,
  SkipGap: operator,
};

function isViewerId(id: SpiffeId): boolean {
  return /^spiffe:\/\/[^/]+\/stint\/viewer\/[^/]+$/.test(id);
}
