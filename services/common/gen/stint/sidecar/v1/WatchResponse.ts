// Original file: stint/sidecar/v1/sidecar_service.proto

import type { SessionOpened as _stint_sidecar_v1_SessionOpened, SessionOpened__Output as _stint_sidecar_v1_SessionOpened__Output } from '../../../stint/sidecar/v1/SessionOpened.ts';
import type { LeaseEnded as _stint_sidecar_v1_LeaseEnded, LeaseEnded__Output as _stint_sidecar_v1_LeaseEnded__Output } from '../../../stint/sidecar/v1/LeaseEnded.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';

export interface WatchResponse {
  'opened'?: (_stint_sidecar_v1_SessionOpened | null);
  'ended'?: (_stint_sidecar_v1_LeaseEnded | null);
  'renewed'?: (_stint_broker_v1_Lease | null);
  'event'?: "opened"|"ended"|"renewed";
}

export interface WatchResponse__Output {
  'opened'?: (_stint_sidecar_v1_SessionOpened__Output | null);
  'ended'?: (_stint_sidecar_v1_LeaseEnded__Output | null);
  'renewed'?: (_stint_broker_v1_Lease__Output | null);
  'event'?: "opened"|"ended"|"renewed";
}
