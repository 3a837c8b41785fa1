// Original file: stint/audit/v1/audit_admin_service.proto

import type { QuarantinedMessage as _stint_audit_v1_QuarantinedMessage, QuarantinedMessage__Output as _stint_audit_v1_QuarantinedMessage__Output } from '../../../stint/audit/v1/QuarantinedMessage.ts';

export interface GetQuarantinedResponse {
  'message'?: (_stint_audit_v1_QuarantinedMessage | null);
  'payload'?: (Buffer | Uint8Array | string);
}

export interface GetQuarantinedResponse__Output {
  'message': (_stint_audit_v1_QuarantinedMessage__Output | null);
  'payload': (Buffer);
}
