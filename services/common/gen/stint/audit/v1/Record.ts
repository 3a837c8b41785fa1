// Original file: stint/audit/v1/audit_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Record {
  'index'?: (number | string | Long);
  'leaf'?: (Buffer | Uint8Array | string);
  'appendedAt'?: (_google_protobuf_Timestamp | null);
}

export interface Record__Output {
  'index': (number);
  'leaf': (Buffer);
  'appendedAt': (_google_protobuf_Timestamp__Output | null);
}
