// Original file: stint/sidecar/v1/sidecar_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'spiffeId'?: (string);
  'svidExpiresAt'?: (_google_protobuf_Timestamp | null);
  'connected'?: (boolean);
  'leases'?: (number);
  'cacheHits'?: (number | string | Long);
  'cacheMisses'?: (number | string | Long);
  'version'?: (string);
  'outage'?: (string);
}

export interface GetStatusResponse__Output {
  'spiffeId': (string);
  'svidExpiresAt': (_google_protobuf_Timestamp__Output | null);
  'connected': (boolean);
  'leases': (number);
  'cacheHits': (number);
  'cacheMisses': (number);
  'version': (string);
  'outage': (string);
}
