// Original file: stint/broker/v1/access_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface Lease {
  'id'?: (string);
  'grantId'?: (string);
  'provider'?: (string);
  'entityName'?: (string);
  'state'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'hardExpiresAt'?: (_google_protobuf_Timestamp | null);
  'renewable'?: (boolean);
  'containedAt'?: (_google_protobuf_Timestamp | null);
  'revokedAt'?: (_google_protobuf_Timestamp | null);
  'lastError'?: (string);
  'attempts'?: (number);
}

export interface Lease__Output {
  'id': (string);
  'grantId': (string);
  'provider': (string);
  'entityName': (string);
  'state': (string);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
  'hardExpiresAt': (_google_protobuf_Timestamp__Output | null);
  'renewable': (boolean);
  'containedAt': (_google_protobuf_Timestamp__Output | null);
  'revokedAt': (_google_protobuf_Timestamp__Output | null);
  'lastError': (string);
  'attempts': (number);
}
