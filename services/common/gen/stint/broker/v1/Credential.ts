// Original file: stint/broker/v1/access_service.proto

import type { TokenCredential as _stint_broker_v1_TokenCredential, TokenCredential__Output as _stint_broker_v1_TokenCredential__Output } from '../../../stint/broker/v1/TokenCredential.ts';
import type { DatabaseCredential as _stint_broker_v1_DatabaseCredential, DatabaseCredential__Output as _stint_broker_v1_DatabaseCredential__Output } from '../../../stint/broker/v1/DatabaseCredential.ts';

export interface Credential {
  'token'?: (_stint_broker_v1_TokenCredential | null);
  'database'?: (_stint_broker_v1_DatabaseCredential | null);
  'kind'?: "token"|"database";
}

export interface Credential__Output {
  'token'?: (_stint_broker_v1_TokenCredential__Output | null);
  'database'?: (_stint_broker_v1_DatabaseCredential__Output | null);
  'kind'?: "token"|"database";
}
