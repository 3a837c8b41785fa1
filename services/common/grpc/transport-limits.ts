import type { ChannelOptions } from '@grpc/grpc-js';
import { type AllowedCaller, type Caller, type GrpcService, messageBytesMax } from '../grpc-method.ts';
import type { TcpListener } from './listener.ts';

/** Most calls under way on one connection; the peer's HTTP/2 stack holds the next back. */
export const callsPerConnectionMax = 1_000;

/** The same where callers are anonymous: a connection is for one errand. */
export const anonymousCallsPerConnectionMax = 4;

/** How often an idle connection is asked for a sign of life, and how long it may take, in milliseconds. */
const keepaliveMs = 20_000;
const keepaliveTimeoutMs = 10_000;

/** How long an anonymous peer may stay connected, and finish what it has begun, in milliseconds. */
const anonymousConnectionMs = 60_000;
const anonymousConnectionGraceMs = 10_000;

/** What grpc-js bounds by itself on one listener. A message is refused by its announced length, before it is kept. */
export function transportLimits(listener: TcpListener, services: readonly GrpcService[]): ChannelOptions {
  const caller = listener.tls.requireClientSvid ? 'svid' : 'anonymous';
  const limits = {
    'grpc.max_receive_message_length': largestRequest(caller, services),
    'grpc.max_concurrent_streams': callsPerConnectionMax,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.enable_channelz': 0,
  };
  if (caller !== 'anonymous') return limits;
  // Nobody unknown may hold places for long.
  return {
    ...limits,
    'grpc.max_concurrent_streams': anonymousCallsPerConnectionMax,
    'grpc.max_connection_age_ms': anonymousConnectionMs,
    'grpc.max_connection_age_grace_ms': anonymousConnectionGraceMs,
  };
}

// Every service is on every listener, but only what its callers may call counts: the rest they are refused anyway.
function largestRequest(caller: Caller['kind'], services: readonly GrpcService[]): number {
  const open = services
    .flatMap(({ methods }) => Object.values(methods))
    .filter(({ callers }) => callers.some((allowed) => isOpenTo(caller, allowed)));
  if (open.length === 0) return messageBytesMax;
  return Math.max(...open.map(({ requestBytesMax }) => requestBytesMax));
}

function isOpenTo(caller: Caller['kind'], allowed: AllowedCaller): boolean {
  return typeof allowed === 'function' ? caller === 'svid' : allowed === caller;
}
