// Original file: stint/broker/v1/admin_service.proto

import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from '../../../stint/broker/v1/Grant.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';

export interface RevokeGrantResponse {
  'grant'?: (_stint_broker_v1_Grant | null);
  'leases'?: (_stint_broker_v1_Lease)[];
}

export interface RevokeGrantResponse__Output {
  'grant': (_stint_broker_v1_Grant__Output | null);
  'leases': (_stint_broker_v1_Lease__Output)[];
}
