// Original file: stint/broker/v1/access_service.proto

import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from '../../../stint/broker/v1/Grant.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';
import type { Credential as _stint_broker_v1_Credential, Credential__Output as _stint_broker_v1_Credential__Output } from '../../../stint/broker/v1/Credential.ts';

export interface RequestAccessResponse {
  'grant'?: (_stint_broker_v1_Grant | null);
  'lease'?: (_stint_broker_v1_Lease | null);
  'credential'?: (_stint_broker_v1_Credential | null);
  'replayed'?: (boolean);
}

export interface RequestAccessResponse__Output {
  'grant': (_stint_broker_v1_Grant__Output | null);
  'lease': (_stint_broker_v1_Lease__Output | null);
  'credential': (_stint_broker_v1_Credential__Output | null);
  'replayed': (boolean);
}
