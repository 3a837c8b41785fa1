// Original file: stint/broker/v1/access_service.proto

import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';

export interface RenewLeaseResponse {
  'lease'?: (_stint_broker_v1_Lease | null);
}

export interface RenewLeaseResponse__Output {
  'lease': (_stint_broker_v1_Lease__Output | null);
}
