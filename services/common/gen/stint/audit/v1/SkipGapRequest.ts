// Original file: stint/audit/v1/audit_admin_service.proto

import type { Long } from '@grpc/proto-loader';

export interface SkipGapRequest {
  'spiffeId'?: (string);
  'missingFrom'?: (number | string | Long);
  'resumeAt'?: (number | string | Long);
  'reason'?: (string);
  'operator'?: (string);
}

export interface SkipGapRequest__Output {
  'spiffeId': (string);
  'missingFrom': (number);
  'resumeAt': (number);
  'reason': (string);
  'operator': (string);
}
