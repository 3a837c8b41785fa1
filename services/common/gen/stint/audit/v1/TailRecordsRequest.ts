// Original file: stint/audit/v1/audit_service.proto

import type { Long } from '@grpc/proto-loader';

export interface TailRecordsRequest {
  'fromIndex'?: (number | string | Long);
  'typePrefix'?: (string);
  '_fromIndex'?: "fromIndex";
}

export interface TailRecordsRequest__Output {
  'fromIndex'?: (number);
  'typePrefix': (string);
  '_fromIndex'?: "fromIndex";
}
