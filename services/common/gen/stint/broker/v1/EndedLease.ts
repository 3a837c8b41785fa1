// Original file: stint/broker/v1/access_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface EndedLease {
  'leaseId'?: (string);
  'grantId'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'reason'?: (string);
}

export interface EndedLease__Output {
  'leaseId': (string);
  'grantId': (string);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
  'reason': (string);
}
