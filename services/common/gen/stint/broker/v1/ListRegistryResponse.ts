// Original file: stint/broker/v1/admin_service.proto

import type { IdentityInfo as _stint_broker_v1_IdentityInfo, IdentityInfo__Output as _stint_broker_v1_IdentityInfo__Output } from '../../../stint/broker/v1/IdentityInfo.ts';
import type { ResourceInfo as _stint_broker_v1_ResourceInfo, ResourceInfo__Output as _stint_broker_v1_ResourceInfo__Output } from '../../../stint/broker/v1/ResourceInfo.ts';

export interface ListRegistryResponse {
  'identities'?: (_stint_broker_v1_IdentityInfo)[];
  'resources'?: (_stint_broker_v1_ResourceInfo)[];
}

export interface ListRegistryResponse__Output {
  'identities': (_stint_broker_v1_IdentityInfo__Output)[];
  'resources': (_stint_broker_v1_ResourceInfo__Output)[];
}
