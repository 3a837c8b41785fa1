// Original file: stint/sidecar/v1/sidecar_service.proto

import type { HeldLease as _stint_sidecar_v1_HeldLease, HeldLease__Output as _stint_sidecar_v1_HeldLease__Output } from '../../../stint/sidecar/v1/HeldLease.ts';

export interface ListResponse {
  'leases'?: (_stint_sidecar_v1_HeldLease)[];
  'nextPageToken'?: (string);
}

export interface ListResponse__Output {
  'leases': (_stint_sidecar_v1_HeldLease__Output)[];
  'nextPageToken': (string);
}
