// Original file: stint/broker/v1/access_service.proto

import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from '../../../stint/broker/v1/Lease.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface RenewLeaseResponse {
  'lease'?: (_stint_broker_v1_Lease | null);
  'renewedAt'?: (_google_protobuf_Timestamp | null);
}

export interface RenewLeaseResponse__Output {
  'lease': (_stint_broker_v1_Lease__Output | null);
  'renewedAt': (_google_protobuf_Timestamp__Output | null);
}
