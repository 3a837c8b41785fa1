// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from '../../../stint/broker/v1/Grant.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';

export interface HeldLease {
  'grant'?: (_stint_broker_v1_Grant | null);
  'lease'?: (_stint_broker_v1_Lease | null);
  'holders'?: (number);
}

export interface HeldLease__Output {
  'grant': (_stint_broker_v1_Grant__Output | null);
  'lease': (_stint_broker_v1_Lease__Output | null);
  'holders': (number);
}
