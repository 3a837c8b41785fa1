// Original file: stint/audit/v1/audit_admin_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface QuarantinedMessage {
  'id'?: (number | string | Long);
  'reason'?: (string);
  'detail'?: (string);
  'subject'?: (string);
  'broker'?: (string);
  'firstSeq'?: (number | string | Long);
  'sizeBytes'?: (number | string | Long);
  'payloadSha256'?: (Buffer | Uint8Array | string);
  'kept'?: (boolean);
  'times'?: (number | string | Long);
  'firstAt'?: (_google_protobuf_Timestamp | null);
  'lastAt'?: (_google_protobuf_Timestamp | null);
  'settledIndex'?: (number | string | Long);
  '_firstSeq'?: "firstSeq";
  '_settledIndex'?: "settledIndex";
}

export interface QuarantinedMessage__Output {
  'id': (number);
  'reason': (string);
  'detail': (string);
  'subject': (string);
  'broker': (string);
  'firstSeq'?: (number);
  'sizeBytes': (number);
  'payloadSha256': (Buffer);
  'kept': (boolean);
  'times': (number);
  'firstAt': (_google_protobuf_Timestamp__Output | null);
  'lastAt': (_google_protobuf_Timestamp__Output | null);
  'settledIndex'?: (number);
  '_firstSeq'?: "firstSeq";
  '_settledIndex'?: "settledIndex";
}
