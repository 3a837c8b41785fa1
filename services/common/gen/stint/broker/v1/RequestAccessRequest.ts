// Original file: stint/broker/v1/access_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';

export interface RequestAccessRequest {
  'idempotencyKey'?: (string);
  'resource'?: (string);
  'action'?: (string);
  'ttl'?: (_google_protobuf_Duration | null);
  'justification'?: (string);
  'context'?: ({[key: string]: string});
  'parameters'?: ({[key: string]: string});
}

export interface RequestAccessRequest__Output {
  'idempotencyKey': (string);
  'resource': (string);
  'action': (string);
  'ttl': (_google_protobuf_Duration__Output | null);
  'justification': (string);
  'context': ({[key: string]: string});
  'parameters': ({[key: string]: string});
}
