// Original file: stint/broker/v1/access_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface Grant {
  'id'?: (string);
  'requestId'?: (string);
  'spiffeId'?: (string);
  'resource'?: (string);
  'action'?: (string);
  'state'?: (string);
  'decidedAt'?: (_google_protobuf_Timestamp | null);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'ruleIds'?: (string)[];
  'policySha256'?: (string);
  'clampedBy'?: (string)[];
  'justification'?: (string);
  'endReason'?: (string);
  'endedAt'?: (_google_protobuf_Timestamp | null);
  'traceId'?: (string);
}

export interface Grant__Output {
  'id': (string);
  'requestId': (string);
  'spiffeId': (string);
  'resource': (string);
  'action': (string);
  'state': (string);
  'decidedAt': (_google_protobuf_Timestamp__Output | null);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
  'ruleIds': (string)[];
  'policySha256': (string);
  'clampedBy': (string)[];
  'justification': (string);
  'endReason': (string);
  'endedAt': (_google_protobuf_Timestamp__Output | null);
  'traceId': (string);
}
