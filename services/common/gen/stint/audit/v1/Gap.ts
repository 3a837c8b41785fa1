// Original file: stint/audit/v1/audit_admin_service.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { QuarantinedMessage as _stint_audit_v1_QuarantinedMessage, QuarantinedMessage__Output as _stint_audit_v1_QuarantinedMessage__Output } from '../../../stint/audit/v1/QuarantinedMessage.ts';
import type { Long } from '@grpc/proto-loader';

export interface Gap {
  'spiffeId'?: (string);
  'missingFrom'?: (number | string | Long);
  'missingSince'?: (_google_protobuf_Timestamp | null);
  'waiting'?: (number);
  'resumeAt'?: (number | string | Long);
  'blockedBy'?: (string);
  'refused'?: (_stint_audit_v1_QuarantinedMessage)[];
  '_resumeAt'?: "resumeAt";
}

export interface Gap__Output {
  'spiffeId': (string);
  'missingFrom': (number);
  'missingSince': (_google_protobuf_Timestamp__Output | null);
  'waiting': (number);
  'resumeAt'?: (number);
  'blockedBy': (string);
  'refused': (_stint_audit_v1_QuarantinedMessage__Output)[];
  '_resumeAt'?: "resumeAt";
}
