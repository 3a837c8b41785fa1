// Original file: stint/broker/v1/access_service.proto

import type { ServerMessage as _stint_broker_v1_ServerMessage, ServerMessage__Output as _stint_broker_v1_ServerMessage__Output } from '../../../stint/broker/v1/ServerMessage.ts';

export interface SessionResponse {
  'messages'?: (_stint_broker_v1_ServerMessage)[];
}

export interface SessionResponse__Output {
  'messages': (_stint_broker_v1_ServerMessage__Output)[];
}
