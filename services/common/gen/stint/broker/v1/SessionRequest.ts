// Original file: stint/broker/v1/access_service.proto

import type { ClientMessage as _stint_broker_v1_ClientMessage, ClientMessage__Output as _stint_broker_v1_ClientMessage__Output } from '../../../stint/broker/v1/ClientMessage.ts';

export interface SessionRequest {
  'messages'?: (_stint_broker_v1_ClientMessage)[];
}

export interface SessionRequest__Output {
  'messages': (_stint_broker_v1_ClientMessage__Output)[];
}
