// Original file: stint/broker/v1/attestation_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface X509Svid {
  'spiffeId'?: (string);
  'certificates'?: (Buffer | Uint8Array | string)[];
  'bundle'?: (Buffer | Uint8Array | string)[];
  'expiresAt'?: (_google_protobuf_Timestamp | null);
}

export interface X509Svid__Output {
  'spiffeId': (string);
  'certificates': (Buffer)[];
  'bundle': (Buffer)[];
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
}
