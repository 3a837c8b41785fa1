// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface DismissQuarantinedRequest {
  'id'?: (number | string | Long);
  'reason'?: (string);
  'operator'?: (string);
}

export interface DismissQuarantinedRequest__Output {
  'id': (number);
  'reason': (string);
  'operator': (string);
}
