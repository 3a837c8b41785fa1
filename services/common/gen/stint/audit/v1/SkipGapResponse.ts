// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface SkipGapResponse {
  'recordIndex'?: (number | string | Long);
}

export interface SkipGapResponse__Output {
  'recordIndex': (number);
}
