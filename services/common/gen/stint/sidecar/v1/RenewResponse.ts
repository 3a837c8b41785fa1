// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';

export interface RenewResponse {
  'lease'?: (_stint_broker_v1_Lease | null);
}

export interface RenewResponse__Output {
  'lease': (_stint_broker_v1_Lease__Output | null);
}
