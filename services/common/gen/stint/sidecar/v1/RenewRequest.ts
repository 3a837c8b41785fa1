// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';

export interface RenewRequest {
  'leaseId'?: (string);
  'ttl'?: (_google_protobuf_Duration | null);
}

export interface RenewRequest__Output {
  'leaseId': (string);
  'ttl': (_google_protobuf_Duration__Output | null);
}
