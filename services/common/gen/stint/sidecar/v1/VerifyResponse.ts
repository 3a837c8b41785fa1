// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface VerifyResponse {
  'spiffeId'?: (string);
  'grantId'?: (string);
  'leaseId'?: (string);
  'resource'?: (string);
  'action'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'presenterChecked'?: (boolean);
}

export interface VerifyResponse__Output {
  'spiffeId': (string);
  'grantId': (string);
  'leaseId': (string);
  'resource': (string);
  'action': (string);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
  'presenterChecked': (boolean);
}
