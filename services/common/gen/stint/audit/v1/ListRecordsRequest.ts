// Original file: stint/audit/v1/audit_service.proto

import type { Long } from '@grpc/proto-loader';

export interface ListRecordsRequest {
  'fromIndex'?: (number | string | Long);
  'pageSize'?: (number);
  'grantId'?: (string);
  'spiffeId'?: (string);
  'typePrefix'?: (string);
  'newestFirst'?: (boolean);
  'requestId'?: (string);
  'leaseId'?: (string);
}

export interface ListRecordsRequest__Output {
  'fromIndex': (number);
  'pageSize': (number);
  'grantId': (string);
  'spiffeId': (string);
  'typePrefix': (string);
  'newestFirst': (boolean);
  'requestId': (string);
  'leaseId': (string);
}
