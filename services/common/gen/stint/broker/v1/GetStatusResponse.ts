// Original file: stint/broker/v1/admin_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { TargetStatus as _stint_broker_v1_TargetStatus, TargetStatus__Output as _stint_broker_v1_TargetStatus__Output } from '../../../stint/broker/v1/TargetStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'spiffeId'?: (string);
  'version'?: (string);
  'store'?: (string);
  'policySha256'?: (string);
  'policies'?: (number);
  'sessions'?: (number);
  'leases'?: ({[key: string]: number | string | Long});
  'auditBacklog'?: (number | string | Long);
  'auditBacklogAge'?: (_google_protobuf_Duration | null);
  'busConnected'?: (boolean);
  'auditSequence'?: (number | string | Long);
  'startedAt'?: (_google_protobuf_Timestamp | null);
  'refusing'?: (string);
  'targets'?: (_stint_broker_v1_TargetStatus)[];
}

export interface GetStatusResponse__Output {
  'spiffeId': (string);
  'version': (string);
  'store': (string);
  'policySha256': (string);
  'policies': (number);
  'sessions': (number);
  'leases': ({[key: string]: number});
  'auditBacklog': (number);
  'auditBacklogAge': (_google_protobuf_Duration__Output | null);
  'busConnected': (boolean);
  'auditSequence': (number);
  'startedAt': (_google_protobuf_Timestamp__Output | null);
  'refusing': (string);
  'targets': (_stint_broker_v1_TargetStatus__Output)[];
}
