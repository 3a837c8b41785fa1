// Original file: stint/sidecar/v1/session_view.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface LeaseView {
  'id'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'hardExpiresAt'?: (_google_protobuf_Timestamp | null);
  'renewable'?: (boolean);
}

export interface LeaseView__Output {
  'id': (string);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
  'hardExpiresAt': (_google_protobuf_Timestamp__Output | null);
  'renewable': (boolean);
}
