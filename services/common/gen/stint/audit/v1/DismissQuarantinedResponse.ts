// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface DismissQuarantinedResponse {
  'recordIndex'?: (number | string | Long);
}

export interface DismissQuarantinedResponse__Output {
  'recordIndex': (number);
}
