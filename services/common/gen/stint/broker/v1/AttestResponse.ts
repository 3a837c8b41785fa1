// Original file: stint/broker/v1/attestation_service.proto

import type { X509Svid as _stint_broker_v1_X509Svid, X509Svid__Output as _stint_broker_v1_X509Svid__Output } from '../../../stint/broker/v1/X509Svid.ts';

export interface AttestResponse {
  'svid'?: (_stint_broker_v1_X509Svid | null);
}

export interface AttestResponse__Output {
  'svid': (_stint_broker_v1_X509Svid__Output | null);
}
