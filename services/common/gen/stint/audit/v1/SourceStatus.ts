// Original file: stint/audit/v1/audit_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface SourceStatus {
  'spiffeId'?: (string);
  'sequence'?: (number | string | Long);
  'missingFrom'?: (number | string | Long);
  'missingSince'?: (_google_protobuf_Timestamp | null);
  'lastSeenAt'?: (_google_protobuf_Timestamp | null);
  '_missingFrom'?: "missingFrom";
}

export interface SourceStatus__Output {
  'spiffeId': (string);
  'sequence': (number);
  'missingFrom'?: (number);
  'missingSince': (_google_protobuf_Timestamp__Output | null);
  'lastSeenAt': (_google_protobuf_Timestamp__Output | null);
  '_missingFrom'?: "missingFrom";
}
