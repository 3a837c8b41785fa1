// Original file: stint/broker/v1/admin_service.proto

import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from '../../../stint/broker/v1/Grant.ts';

export interface ListGrantsResponse {
  'grants'?: (_stint_broker_v1_Grant)[];
  'nextPageToken'?: (string);
}

export interface ListGrantsResponse__Output {
  'grants': (_stint_broker_v1_Grant__Output)[];
  'nextPageToken': (string);
}
