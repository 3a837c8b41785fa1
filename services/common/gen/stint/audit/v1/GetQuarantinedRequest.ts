// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface GetQuarantinedRequest {
  'id'?: (number | string | Long);
}

export interface GetQuarantinedRequest__Output {
  'id': (number);
}
