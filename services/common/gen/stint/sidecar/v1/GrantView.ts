// Original file: stint/sidecar/v1/session_view.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface GrantView {
  'id'?: (string);
  'decidedAt'?: (_google_protobuf_Timestamp | null);
}

export interface GrantView__Output {
  'id': (string);
  'decidedAt': (_google_protobuf_Timestamp__Output | null);
}
