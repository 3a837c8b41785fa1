// Original file: stint/sidecar/v1/session_view.proto

import type { Status as _google_rpc_Status, Status__Output as _google_rpc_Status__Output } from '../../../google/rpc/Status.ts';
import type { CompleteGrantResponse as _stint_broker_v1_CompleteGrantResponse, CompleteGrantResponse__Output as _stint_broker_v1_CompleteGrantResponse__Output } from '../../../stint/broker/v1/CompleteGrantResponse.ts';
import type { RenewLeaseResponse as _stint_broker_v1_RenewLeaseResponse, RenewLeaseResponse__Output as _stint_broker_v1_RenewLeaseResponse__Output } from '../../../stint/broker/v1/RenewLeaseResponse.ts';
import type { Alive as _stint_broker_v1_Alive, Alive__Output as _stint_broker_v1_Alive__Output } from '../../../stint/broker/v1/Alive.ts';
import type { LeasesEnded as _stint_broker_v1_LeasesEnded, LeasesEnded__Output as _stint_broker_v1_LeasesEnded__Output } from '../../../stint/broker/v1/LeasesEnded.ts';
import type { TrustBundle as _stint_broker_v1_TrustBundle, TrustBundle__Output as _stint_broker_v1_TrustBundle__Output } from '../../../stint/broker/v1/TrustBundle.ts';
import type { Long } from '@grpc/proto-loader';

export interface MessageView {
  'id'?: (number | string | Long);
  'failure'?: (_google_rpc_Status | null);
  'access'?: (Buffer | Uint8Array | string);
  'completed'?: (_stint_broker_v1_CompleteGrantResponse | null);
  'renewed'?: (_stint_broker_v1_RenewLeaseResponse | null);
  'alive'?: (_stint_broker_v1_Alive | null);
  'leasesEnded'?: (_stint_broker_v1_LeasesEnded | null);
  'trustBundle'?: (_stint_broker_v1_TrustBundle | null);
  'body'?: "failure"|"access"|"completed"|"renewed"|"alive"|"leasesEnded"|"trustBundle";
}

export interface MessageView__Output {
  'id': (number);
  'failure'?: (_google_rpc_Status__Output | null);
  'access'?: (Buffer);
  'completed'?: (_stint_broker_v1_CompleteGrantResponse__Output | null);
  'renewed'?: (_stint_broker_v1_RenewLeaseResponse__Output | null);
  'alive'?: (_stint_broker_v1_Alive__Output | null);
  'leasesEnded'?: (_stint_broker_v1_LeasesEnded__Output | null);
  'trustBundle'?: (_stint_broker_v1_TrustBundle__Output | null);
  'body'?: "failure"|"access"|"completed"|"renewed"|"alive"|"leasesEnded"|"trustBundle";
}
