// Original file: stint/broker/v1/admin_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface CreateJoinTokenResponse {
  'token'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
}

export interface CreateJoinTokenResponse__Output {
  'token': (string);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
}
