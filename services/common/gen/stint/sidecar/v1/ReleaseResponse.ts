// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';
import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from '../../../stint/broker/v1/Grant.ts';

export interface ReleaseResponse {
  'completed'?: (boolean);
  'leases'?: (_stint_broker_v1_Lease)[];
  'grant'?: (_stint_broker_v1_Grant | null);
}

export interface ReleaseResponse__Output {
  'completed': (boolean);
  'leases': (_stint_broker_v1_Lease__Output)[];
  'grant': (_stint_broker_v1_Grant__Output | null);
}
