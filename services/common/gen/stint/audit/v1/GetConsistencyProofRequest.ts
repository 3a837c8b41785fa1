// Original file: stint/audit/v1/audit_service.proto

import type { Long } from '@grpc/proto-loader';

export interface GetConsistencyProofRequest {
  'oldSize'?: (number | string | Long);
}

export interface GetConsistencyProofRequest__Output {
  'oldSize': (number);
}
