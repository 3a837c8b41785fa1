// Original file: stint/broker/v1/admin_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateJoinTokenRequest as _stint_broker_v1_CreateJoinTokenRequest, CreateJoinTokenRequest__Output as _stint_broker_v1_CreateJoinTokenRequest__Output } from '../../../stint/broker/v1/CreateJoinTokenRequest.ts';
import type { CreateJoinTokenResponse as _stint_broker_v1_CreateJoinTokenResponse, CreateJoinTokenResponse__Output as _stint_broker_v1_CreateJoinTokenResponse__Output } from '../../../stint/broker/v1/CreateJoinTokenResponse.ts';
import type { ExplainDecisionRequest as _stint_broker_v1_ExplainDecisionRequest, ExplainDecisionRequest__Output as _stint_broker_v1_ExplainDecisionRequest__Output } from '../../../stint/broker/v1/ExplainDecisionRequest.ts';
import type { ExplainDecisionResponse as _stint_broker_v1_ExplainDecisionResponse, ExplainDecisionResponse__Output as _stint_broker_v1_ExplainDecisionResponse__Output } from '../../../stint/broker/v1/ExplainDecisionResponse.ts';
import type { GetGrantRequest as _stint_broker_v1_GetGrantRequest, GetGrantRequest__Output as _stint_broker_v1_GetGrantRequest__Output } from '../../../stint/broker/v1/GetGrantRequest.ts';
import type { GetGrantResponse as _stint_broker_v1_GetGrantResponse, GetGrantResponse__Output as _stint_broker_v1_GetGrantResponse__Output } from '../../../stint/broker/v1/GetGrantResponse.ts';
import type { GetStatusRequest as _stint_broker_v1_GetStatusRequest, GetStatusRequest__Output as _stint_broker_v1_GetStatusRequest__Output } from '../../../stint/broker/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_broker_v1_GetStatusResponse, GetStatusResponse__Output as _stint_broker_v1_GetStatusResponse__Output } from '../../../stint/broker/v1/GetStatusResponse.ts';
import type { ListGrantsRequest as _stint_broker_v1_ListGrantsRequest, ListGrantsRequest__Output as _stint_broker_v1_ListGrantsRequest__Output } from '../../../stint/broker/v1/ListGrantsRequest.ts';
import type { ListGrantsResponse as _stint_broker_v1_ListGrantsResponse, ListGrantsResponse__Output as _stint_broker_v1_ListGrantsResponse__Output } from '../../../stint/broker/v1/ListGrantsResponse.ts';
import type { ListRegistryRequest as _stint_broker_v1_ListRegistryRequest, ListRegistryRequest__Output as _stint_broker_v1_ListRegistryRequest__Output } from '../../../stint/broker/v1/ListRegistryRequest.ts';
import type { ListRegistryResponse as _stint_broker_v1_ListRegistryResponse, ListRegistryResponse__Output as _stint_broker_v1_ListRegistryResponse__Output } from '../../../stint/broker/v1/ListRegistryResponse.ts';
import type { MintSvidRequest as _stint_broker_v1_MintSvidRequest, MintSvidRequest__Output as _stint_broker_v1_MintSvidRequest__Output } from '../../../stint/broker/v1/MintSvidRequest.ts';
import type { MintSvidResponse as _stint_broker_v1_MintSvidResponse, MintSvidResponse__Output as _stint_broker_v1_MintSvidResponse__Output } from '../../../stint/broker/v1/MintSvidResponse.ts';
import type { ReloadPolicyRequest as _stint_broker_v1_ReloadPolicyRequest, ReloadPolicyRequest__Output as _stint_broker_v1_ReloadPolicyRequest__Output } from '../../../stint/broker/v1/ReloadPolicyRequest.ts';
import type { ReloadPolicyResponse as _stint_broker_v1_ReloadPolicyResponse, ReloadPolicyResponse__Output as _stint_broker_v1_ReloadPolicyResponse__Output } from '../../../stint/broker/v1/ReloadPolicyResponse.ts';
import type { RevokeGrantRequest as _stint_broker_v1_RevokeGrantRequest, RevokeGrantRequest__Output as _stint_broker_v1_RevokeGrantRequest__Output } from '../../../stint/broker/v1/RevokeGrantRequest.ts';
import type { RevokeGrantResponse as _stint_broker_v1_RevokeGrantResponse, RevokeGrantResponse__Output as _stint_broker_v1_RevokeGrantResponse__Output } from '../../../stint/broker/v1/RevokeGrantResponse.ts';

export interface AdminServiceClient extends grpc.Client {
  CreateJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _stint_broker_v1_CreateJoinTokenRequest, callback: grpc.requestCallback<_stint_broker_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  
  ExplainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  ExplainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  ExplainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  ExplainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  explainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  explainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  explainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  explainDecision(argument: _stint_broker_v1_ExplainDecisionRequest, callback: grpc.requestCallback<_stint_broker_v1_ExplainDecisionResponse__Output>): grpc.ClientUnaryCall;
  
  GetGrant(argument: _stint_broker_v1_GetGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  GetGrant(argument: _stint_broker_v1_GetGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  GetGrant(argument: _stint_broker_v1_GetGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  GetGrant(argument: _stint_broker_v1_GetGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  getGrant(argument: _stint_broker_v1_GetGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  getGrant(argument: _stint_broker_v1_GetGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  getGrant(argument: _stint_broker_v1_GetGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  getGrant(argument: _stint_broker_v1_GetGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_GetGrantResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _stint_broker_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_broker_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_broker_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_broker_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_broker_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_broker_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_broker_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_broker_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_broker_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  ListGrants(argument: _stint_broker_v1_ListGrantsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  ListGrants(argument: _stint_broker_v1_ListGrantsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  ListGrants(argument: _stint_broker_v1_ListGrantsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  ListGrants(argument: _stint_broker_v1_ListGrantsRequest, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  listGrants(argument: _stint_broker_v1_ListGrantsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  listGrants(argument: _stint_broker_v1_ListGrantsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  listGrants(argument: _stint_broker_v1_ListGrantsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  listGrants(argument: _stint_broker_v1_ListGrantsRequest, callback: grpc.requestCallback<_stint_broker_v1_ListGrantsResponse__Output>): grpc.ClientUnaryCall;
  
  ListRegistry(argument: _stint_broker_v1_ListRegistryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  ListRegistry(argument: _stint_broker_v1_ListRegistryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  ListRegistry(argument: _stint_broker_v1_ListRegistryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  ListRegistry(argument: _stint_broker_v1_ListRegistryRequest, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  listRegistry(argument: _stint_broker_v1_ListRegistryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  listRegistry(argument: _stint_broker_v1_ListRegistryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  listRegistry(argument: _stint_broker_v1_ListRegistryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  listRegistry(argument: _stint_broker_v1_ListRegistryRequest, callback: grpc.requestCallback<_stint_broker_v1_ListRegistryResponse__Output>): grpc.ClientUnaryCall;
  
  MintSvid(argument: _stint_broker_v1_MintSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  MintSvid(argument: _stint_broker_v1_MintSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  MintSvid(argument: _stint_broker_v1_MintSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  MintSvid(argument: _stint_broker_v1_MintSvidRequest, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  mintSvid(argument: _stint_broker_v1_MintSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  mintSvid(argument: _stint_broker_v1_MintSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  mintSvid(argument: _stint_broker_v1_MintSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  mintSvid(argument: _stint_broker_v1_MintSvidRequest, callback: grpc.requestCallback<_stint_broker_v1_MintSvidResponse__Output>): grpc.ClientUnaryCall;
  
  ReloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  ReloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  ReloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  ReloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  reloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  reloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  reloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  reloadPolicy(argument: _stint_broker_v1_ReloadPolicyRequest, callback: grpc.requestCallback<_stint_broker_v1_ReloadPolicyResponse__Output>): grpc.ClientUnaryCall;
  
  RevokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  RevokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  RevokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  RevokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  revokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  revokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  revokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  revokeGrant(argument: _stint_broker_v1_RevokeGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_RevokeGrantResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AdminServiceHandlers extends grpc.UntypedServiceImplementation {
  CreateJoinToken: grpc.handleUnaryCall<_stint_broker_v1_CreateJoinTokenRequest__Output, _stint_broker_v1_CreateJoinTokenResponse>;
  
  ExplainDecision: grpc.handleUnaryCall<_stint_broker_v1_ExplainDecisionRequest__Output, _stint_broker_v1_ExplainDecisionResponse>;
  
  GetGrant: grpc.handleUnaryCall<_stint_broker_v1_GetGrantRequest__Output, _stint_broker_v1_GetGrantResponse>;
  
  GetStatus: grpc.handleUnaryCall<_stint_broker_v1_GetStatusRequest__Output, _stint_broker_v1_GetStatusResponse>;
  
  ListGrants: grpc.handleUnaryCall<_stint_broker_v1_ListGrantsRequest__Output, _stint_broker_v1_ListGrantsResponse>;
  
  ListRegistry: grpc.handleUnaryCall<_stint_broker_v1_ListRegistryRequest__Output, _stint_broker_v1_ListRegistryResponse>;
  
  MintSvid: grpc.handleUnaryCall<_stint_broker_v1_MintSvidRequest__Output, _stint_broker_v1_MintSvidResponse>;
  
  ReloadPolicy: grpc.handleUnaryCall<_stint_broker_v1_ReloadPolicyRequest__Output, _stint_broker_v1_ReloadPolicyResponse>;
  
  RevokeGrant: grpc.handleUnaryCall<_stint_broker_v1_RevokeGrantRequest__Output, _stint_broker_v1_RevokeGrantResponse>;
  
}

export interface AdminServiceDefinition extends grpc.ServiceDefinition {
  CreateJoinToken: MethodDefinition<_stint_broker_v1_CreateJoinTokenRequest, _stint_broker_v1_CreateJoinTokenResponse, _stint_broker_v1_CreateJoinTokenRequest__Output, _stint_broker_v1_CreateJoinTokenResponse__Output>
  ExplainDecision: MethodDefinition<_stint_broker_v1_ExplainDecisionRequest, _stint_broker_v1_ExplainDecisionResponse, _stint_broker_v1_ExplainDecisionRequest__Output, _stint_broker_v1_ExplainDecisionResponse__Output>
  GetGrant: MethodDefinition<_stint_broker_v1_GetGrantRequest, _stint_broker_v1_GetGrantResponse, _stint_broker_v1_GetGrantRequest__Output, _stint_broker_v1_GetGrantResponse__Output>
  GetStatus: MethodDefinition<_stint_broker_v1_GetStatusRequest, _stint_broker_v1_GetStatusResponse, _stint_broker_v1_GetStatusRequest__Output, _stint_broker_v1_GetStatusResponse__Output>
  ListGrants: MethodDefinition<_stint_broker_v1_ListGrantsRequest, _stint_broker_v1_ListGrantsResponse, _stint_broker_v1_ListGrantsRequest__Output, _stint_broker_v1_ListGrantsResponse__Output>
  ListRegistry: MethodDefinition<_stint_broker_v1_ListRegistryRequest, _stint_broker_v1_ListRegistryResponse, _stint_broker_v1_ListRegistryRequest__Output, _stint_broker_v1_ListRegistryResponse__Output>
  MintSvid: MethodDefinition<_stint_broker_v1_MintSvidRequest, _stint_broker_v1_MintSvidResponse, _stint_broker_v1_MintSvidRequest__Output, _stint_broker_v1_MintSvidResponse__Output>
  ReloadPolicy: MethodDefinition<_stint_broker_v1_ReloadPolicyRequest, _stint_broker_v1_ReloadPolicyResponse, _stint_broker_v1_ReloadPolicyRequest__Output, _stint_broker_v1_ReloadPolicyResponse__Output>
  RevokeGrant: MethodDefinition<_stint_broker_v1_RevokeGrantRequest, _stint_broker_v1_RevokeGrantResponse, _stint_broker_v1_RevokeGrantRequest__Output, _stint_broker_v1_RevokeGrantResponse__Output>
}
