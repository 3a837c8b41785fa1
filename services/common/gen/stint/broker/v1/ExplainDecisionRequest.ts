// Original file: stint/broker/v1/admin_service.proto

import type { RequestAccessRequest as _stint_broker_v1_RequestAccessRequest, RequestAccessRequest__Output as _stint_broker_v1_RequestAccessRequest__Output } from '../../../stint/broker/v1/RequestAccessRequest.ts';

export interface ExplainDecisionRequest {
  'spiffeId'?: (string);
  'request'?: (_stint_broker_v1_RequestAccessRequest | null);
}

export interface ExplainDecisionRequest__Output {
  'spiffeId': (string);
  'request': (_stint_broker_v1_RequestAccessRequest__Output | null);
}
