// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface ListQuarantineRequest {
  'fromId'?: (number | string | Long);
  'pageSize'?: (number);
  'includeSettled'?: (boolean);
}

export interface ListQuarantineRequest__Output {
  'fromId': (number);
  'pageSize': (number);
  'includeSettled': (boolean);
}
