// Original file: stint/broker/v1/admin_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface TargetStatus {
  'provider'?: (string);
  'kind'?: (string);
  'state'?: (string);
  'since'?: (_google_protobuf_Timestamp | null);
  'lastAskedAt'?: (_google_protobuf_Timestamp | null);
  'lastFailure'?: (string);
  'lastFailureAt'?: (_google_protobuf_Timestamp | null);
}

export interface TargetStatus__Output {
  'provider': (string);
  'kind': (string);
  'state': (string);
  'since': (_google_protobuf_Timestamp__Output | null);
  'lastAskedAt': (_google_protobuf_Timestamp__Output | null);
  'lastFailure': (string);
  'lastFailureAt': (_google_protobuf_Timestamp__Output | null);
}
