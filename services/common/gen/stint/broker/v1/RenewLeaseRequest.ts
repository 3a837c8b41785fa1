// Original file: stint/broker/v1/access_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';

export interface RenewLeaseRequest {
  'leaseId'?: (string);
  'ttl'?: (_google_protobuf_Duration | null);
}

export interface RenewLeaseRequest__Output {
  'leaseId': (string);
  'ttl': (_google_protobuf_Duration__Output | null);
}
