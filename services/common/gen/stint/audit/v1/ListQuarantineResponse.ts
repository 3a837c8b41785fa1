// Original file: stint/audit/v1/audit_admin_service.proto

import type { QuarantinedMessage as _stint_audit_v1_QuarantinedMessage, QuarantinedMessage__Output as _stint_audit_v1_QuarantinedMessage__Output } from '../../../stint/audit/v1/QuarantinedMessage.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListQuarantineResponse {
  'messages'?: (_stint_audit_v1_QuarantinedMessage)[];
  'nextId'?: (number | string | Long);
  '_nextId'?: "nextId";
}

export interface ListQuarantineResponse__Output {
  'messages': (_stint_audit_v1_QuarantinedMessage__Output)[];
  'nextId'?: (number);
  '_nextId'?: "nextId";
}
