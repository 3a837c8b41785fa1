// Original file: stint/broker/v1/admin_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';

export interface MintSvidRequest {
  'spiffeId'?: (string);
  'csr'?: (Buffer | Uint8Array | string);
  'ttl'?: (_google_protobuf_Duration | null);
}

export interface MintSvidRequest__Output {
  'spiffeId': (string);
  'csr': (Buffer);
  'ttl': (_google_protobuf_Duration__Output | null);
}
