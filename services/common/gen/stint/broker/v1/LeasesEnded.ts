// Original file: stint/broker/v1/access_service.proto

import type { EndedLease as _stint_broker_v1_EndedLease, EndedLease__Output as _stint_broker_v1_EndedLease__Output } from '../../../stint/broker/v1/EndedLease.ts';

export interface LeasesEnded {
  'leases'?: (_stint_broker_v1_EndedLease)[];
}

export interface LeasesEnded__Output {
  'leases': (_stint_broker_v1_EndedLease__Output)[];
}
