// Original file: stint/audit/v1/audit_service.proto

import type { Long } from '@grpc/proto-loader';

export interface GetInclusionProofRequest {
  'index'?: (number | string | Long);
  'eventId'?: (string);
  'wait'?: (boolean);
  'record'?: "index"|"eventId";
}

export interface GetInclusionProofRequest__Output {
  'index'?: (number);
  'eventId'?: (string);
  'wait': (boolean);
  'record'?: "index"|"eventId";
}
