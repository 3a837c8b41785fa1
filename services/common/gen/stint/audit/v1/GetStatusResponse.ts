// Original file: stint/audit/v1/audit_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { SourceStatus as _stint_audit_v1_SourceStatus, SourceStatus__Output as _stint_audit_v1_SourceStatus__Output } from '../../../stint/audit/v1/SourceStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'size'?: (number | string | Long);
  'checkpointSize'?: (number | string | Long);
  'checkpointAt'?: (_google_protobuf_Timestamp | null);
  'sources'?: (_stint_audit_v1_SourceStatus)[];
  'quarantined'?: (number | string | Long);
  'busConnected'?: (boolean);
  'version'?: (string);
  'outage'?: (string);
}

export interface GetStatusResponse__Output {
  'size': (number);
  'checkpointSize': (number);
  'checkpointAt': (_google_protobuf_Timestamp__Output | null);
  'sources': (_stint_audit_v1_SourceStatus__Output)[];
  'quarantined': (number);
  'busConnected': (boolean);
  'version': (string);
  'outage': (string);
}
