import { Metadata, type StatusObject, status as statusCode } from '@grpc/grpc-js';
import { type ErrorReason, errorReasons, isServiceError, ServiceError } from './errors.ts';
import type { Any__Output } from './gen/google/protobuf/Any.ts';
import type { Status, Status__Output } from './gen/google/rpc/Status.ts';
import { codecs } from './proto.ts';
import { toDuration } from './proto-time.ts';

/** The trailer that carries a google.rpc.Status. Source: gRPC's richer error model. */
export const statusDetailsTrailer = 'grpc-status-details-bin';

const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';
const retryInfoType = 'type.googleapis.com/google.rpc.RetryInfo';

/** Longest wait that is taken from a peer, in milliseconds: well above any that a Stint service asks for. */
export const retryAfterMsMax = 60_000;

/** Who refuses, for `ErrorInfo.domain`, and the request's id, for the text of a fault of ours. */
export type FailureOrigin = { readonly service: string; readonly requestId: string };

/**
 * What a caller may see of anything thrown: a ServiceError as it is, everything else as INTERNAL with a fixed text
 * and the request id under which the log has the cause.
 */
export function publicError(thrown: unknown, requestId: string): ServiceError {
  if (isServiceError(thrown)) return thrown;
  const text = `internal fault: the service's log has the cause under "${requestId}"`;
  return new ServiceError('INTERNAL', text, { metadata: { request_id: requestId }, cause: thrown });
}

/** A failure as a google.rpc.Status: exactly one ErrorInfo, and RetryInfo when there is a time to wait. Source: AIP-193. */
export function toRpcStatus(thrown: unknown, origin: FailureOrigin): Status {
  const error = publicError(thrown, origin.requestId);
  const info = codecs.errorInfo.encode({
    reason: error.reason,
    domain: `${origin.service}.stint`,
    metadata: { ...error.metadata },
  });
  const details = [{ type_url: errorInfoType, value: info }];
  if (error.retryAfterMs !== undefined) {
    details.push({
      type_url: retryInfoType,
      value: codecs.retryInfo.encode({ retryDelay: toDuration(error.retryAfterMs) }),
    });
  }
  return {
    code: statusCode[errorReasons[error.reason].code],
    message: error.message.toWellFormed(),
    details,
  };
}

/** A failure as gRPC's status and trailers. */
export function toGrpcStatus(
  thrown: unknown,
  origin: FailureOrigin,
): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const status = toRpcStatus(thrown, origin);
  const metadata = new Metadata();
  metadata.set(statusDetailsTrailer, codecs.status.encode(status));
  return { code: status.code ?? statusCode.INTERNAL, details: status.message ?? '', metadata };
}

/**
 * The ServiceError that a peer's google.rpc.Status stands for. The peer is trusted to tell the truth about its own
 * refusal, not to be well-formed: details that cannot be read are as good as absent, a reason that is absent or unknown
 * here is taken by its code, and a wait is cut to 0 … {@link retryAfterMsMax}.
 */
export function fromRpcStatus(
  status: Status__Output,
  unavailable: ErrorReason = 'BROKER_UNAVAILABLE',
): ServiceError {
  const info = detailOf(status.details, errorInfoType, codecs.errorInfo.decode);
  const retryAfterMs = retryAfterOf(status.details);
  const reason = isErrorReason(info?.reason) ? info.reason : reasonOfCode(status.code, unavailable);
  return new ServiceError(reason, status.message, {
    metadata: info?.metadata ?? {},
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * The ServiceError that a failed gRPC call stands for: the peer's own, when its trailers carry one, else by the code.
 * @param caller.unavailable the reason for "nobody answered", which only the caller of the call can name.
 * @param caller.peer whom it called, as it was configured: `host:port` or the path of a socket. It is shown.
 */
export function fromGrpcStatus(
  failure: StatusObject,
  caller: { readonly unavailable: ErrorReason; readonly peer: string },
): ServiceError {
  const [details] = failure.metadata?.get(statusDetailsTrailer) ?? [];
  if (Buffer.isBuffer(details)) {
    try {
      return fromRpcStatus(codecs.status.decode(details), caller.unavailable);
    } catch (cause) {
      const text = `${caller.peer} answered with a status that cannot be read`;
      return new ServiceError('INTERNAL', text, { cause });
    }
  }
  return transportError(failure, caller);
}

// No ErrorInfo: grpc-js itself speaks, here or at the peer. What it says is for the log, so it goes only into the cause.
function transportError(
  failure: StatusObject,
  { unavailable, peer }: { readonly unavailable: ErrorReason; readonly peer: string },
): ServiceError {
  const reason =
    failure.code === statusCode.RESOURCE_EXHAUSTED && /larger than/.test(failure.details)
      ? 'MESSAGE_TOO_LARGE'
      : reasonOfCode(failure.code, unavailable);
  const text =
    transportTexts[failure.code]?.(peer) ?? `the call to ${peer} failed: ${errorReasons[reason].meaning}`;
  return new ServiceError(reason, text, {
    cause: new Error(`gRPC ${statusCode[failure.code]}: ${failure.details}`),
  });
}

/** What failed on the way, by code, in words that say where to look. */
const transportTexts: Readonly<Record<number, (peer: string) => string>> = {
  [statusCode.UNAVAILABLE]: (peer) =>
    `no answer from ${peer}: nobody listens there, or it is not who was expected`,
  [statusCode.DEADLINE_EXCEEDED]: (peer) =>
    `no answer from ${peer} in time: it is busy, or cannot be reached`,
  [statusCode.UNIMPLEMENTED]: (peer) =>
    `${peer} does not know this call: it is another service than was meant, or another version`,
};

function reasonOfCode(code: number, unavailable: ErrorReason): ErrorReason {
  switch (code) {
    case statusCode.UNAVAILABLE:
      return unavailable;
    case statusCode.DEADLINE_EXCEEDED:
      return 'DEADLINE_EXCEEDED';
    case statusCode.UNAUTHENTICATED:
      return 'PEER_UNAUTHENTICATED';
    case statusCode.PERMISSION_DENIED:
    case statusCode.UNIMPLEMENTED:
      return 'METHOD_NOT_ALLOWED';
    case statusCode.INVALID_ARGUMENT:
      return 'INVALID_FIELD';
    case statusCode.ABORTED:
      return 'CONCURRENT_UPDATE';
    case statusCode.RESOURCE_EXHAUSTED:
      return 'RATE_LIMITED';
    default:
      return 'INTERNAL';
  }
}

function isErrorReason(text: string | undefined): text is ErrorReason {
  return text !== undefined && Object.hasOwn(errorReasons, text);
}

function retryAfterOf(details: readonly Any__Output[]): number | undefined {
  const delay = detailOf(details, retryInfoType, codecs.retryInfo.decode)?.retryDelay;
  if (delay === null || delay === undefined) return undefined;
  const ms = Math.trunc(delay.seconds * 1_000 + delay.nanos / 1_000_000);
  return Math.min(Math.max(ms, 0), retryAfterMsMax);
}

function detailOf<T>(
  details: readonly Any__Output[],
  type: string,
  decode: (bytes: Uint8Array) => T,
): T | undefined {
  const found = details.find((detail) => detail.type_url === type);
  if (found === undefined) return undefined;
  try {
    return decode(found.value);
  } catch {
    // The code and the text of the status are whole all the same.
    return undefined;
  }
}
