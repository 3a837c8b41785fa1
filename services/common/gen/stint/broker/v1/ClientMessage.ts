// Original file: stint/broker/v1/access_service.proto

import type { RequestAccessRequest as _stint_broker_v1_RequestAccessRequest, RequestAccessRequest__Output as _stint_broker_v1_RequestAccessRequest__Output } from '../../../stint/broker/v1/RequestAccessRequest.ts';
import type { CompleteGrantRequest as _stint_broker_v1_CompleteGrantRequest, CompleteGrantRequest__Output as _stint_broker_v1_CompleteGrantRequest__Output } from '../../../stint/broker/v1/CompleteGrantRequest.ts';
import type { RenewLeaseRequest as _stint_broker_v1_RenewLeaseRequest, RenewLeaseRequest__Output as _stint_broker_v1_RenewLeaseRequest__Output } from '../../../stint/broker/v1/RenewLeaseRequest.ts';
import type { AcknowledgeDelivery as _stint_broker_v1_AcknowledgeDelivery, AcknowledgeDelivery__Output as _stint_broker_v1_AcknowledgeDelivery__Output } from '../../../stint/broker/v1/AcknowledgeDelivery.ts';
import type { Alive as _stint_broker_v1_Alive, Alive__Output as _stint_broker_v1_Alive__Output } from '../../../stint/broker/v1/Alive.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClientMessage {
  'id'?: (number | string | Long);
  'traceparent'?: (string);
  'requestAccess'?: (_stint_broker_v1_RequestAccessRequest | null);
  'completeGrant'?: (_stint_broker_v1_CompleteGrantRequest | null);
  'renewLease'?: (_stint_broker_v1_RenewLeaseRequest | null);
  'acknowledgeDelivery'?: (_stint_broker_v1_AcknowledgeDelivery | null);
  'alive'?: (_stint_broker_v1_Alive | null);
  'body'?: "requestAccess"|"completeGrant"|"renewLease"|"acknowledgeDelivery"|"alive";
}

export interface ClientMessage__Output {
  'id': (number);
  'traceparent': (string);
  'requestAccess'?: (_stint_broker_v1_RequestAccessRequest__Output | null);
  'completeGrant'?: (_stint_broker_v1_CompleteGrantRequest__Output | null);
  'renewLease'?: (_stint_broker_v1_RenewLeaseRequest__Output | null);
  'acknowledgeDelivery'?: (_stint_broker_v1_AcknowledgeDelivery__Output | null);
  'alive'?: (_stint_broker_v1_Alive__Output | null);
  'body'?: "requestAccess"|"completeGrant"|"renewLease"|"acknowledgeDelivery"|"alive";
}
