// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';

export interface AcquireRequest {
  'resource'?: (string);
  'action'?: (string);
  'ttl'?: (_google_protobuf_Duration | null);
  'justification'?: (string);
  'context'?: ({[key: string]: string});
  'parameters'?: ({[key: string]: string});
  'fresh'?: (boolean);
  'sessionId'?: (string);
  'idempotencyKey'?: (string);
}

export interface AcquireRequest__Output {
  'resource': (string);
  'action': (string);
  'ttl': (_google_protobuf_Duration__Output | null);
  'justification': (string);
  'context': ({[key: string]: string});
  'parameters': ({[key: string]: string});
  'fresh': (boolean);
  'sessionId': (string);
  'idempotencyKey': (string);
}
