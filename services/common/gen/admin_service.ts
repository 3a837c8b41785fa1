import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from './google/protobuf/Any.ts';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { Status as _google_rpc_Status, Status__Output as _google_rpc_Status__Output } from './google/rpc/Status.ts';
import type { AccessServiceClient as _stint_broker_v1_AccessServiceClient, AccessServiceDefinition as _stint_broker_v1_AccessServiceDefinition } from './stint/broker/v1/AccessService.ts';
import type { AcknowledgeDelivery as _stint_broker_v1_AcknowledgeDelivery, AcknowledgeDelivery__Output as _stint_broker_v1_AcknowledgeDelivery__Output } from './stint/broker/v1/AcknowledgeDelivery.ts';
import type { AdminServiceClient as _stint_broker_v1_AdminServiceClient, AdminServiceDefinition as _stint_broker_v1_AdminServiceDefinition } from './stint/broker/v1/AdminService.ts';
import type { Alive as _stint_broker_v1_Alive, Alive__Output as _stint_broker_v1_Alive__Output } from './stint/broker/v1/Alive.ts';
import type { AttestRequest as _stint_broker_v1_AttestRequest, AttestRequest__Output as _stint_broker_v1_AttestRequest__Output } from './stint/broker/v1/AttestRequest.ts';
import type { AttestResponse as _stint_broker_v1_AttestResponse, AttestResponse__Output as _stint_broker_v1_AttestResponse__Output } from './stint/broker/v1/AttestResponse.ts';
import type { AttestationServiceClient as _stint_broker_v1_AttestationServiceClient, AttestationServiceDefinition as _stint_broker_v1_AttestationServiceDefinition } from './stint/broker/v1/AttestationService.ts';
import type { ClientMessage as _stint_broker_v1_ClientMessage, ClientMessage__Output as _stint_broker_v1_ClientMessage__Output } from './stint/broker/v1/ClientMessage.ts';
import type { CompleteGrantRequest as _stint_broker_v1_CompleteGrantRequest, CompleteGrantRequest__Output as _stint_broker_v1_CompleteGrantRequest__Output } from './stint/broker/v1/CompleteGrantRequest.ts';
import type { CompleteGrantResponse as _stint_broker_v1_CompleteGrantResponse, CompleteGrantResponse__Output as _stint_broker_v1_CompleteGrantResponse__Output } from './stint/broker/v1/CompleteGrantResponse.ts';
import type { ConditionExplanation as _stint_broker_v1_ConditionExplanation, ConditionExplanation__Output as _stint_broker_v1_ConditionExplanation__Output } from './stint/broker/v1/ConditionExplanation.ts';
import type { CreateJoinTokenRequest as _stint_broker_v1_CreateJoinTokenRequest, CreateJoinTokenRequest__Output as _stint_broker_v1_CreateJoinTokenRequest__Output } from './stint/broker/v1/CreateJoinTokenRequest.ts';
import type { CreateJoinTokenResponse as _stint_broker_v1_CreateJoinTokenResponse, CreateJoinTokenResponse__Output as _stint_broker_v1_CreateJoinTokenResponse__Output } from './stint/broker/v1/CreateJoinTokenResponse.ts';
import type { Credential as _stint_broker_v1_Credential, Credential__Output as _stint_broker_v1_Credential__Output } from './stint/broker/v1/Credential.ts';
import type { DatabaseCredential as _stint_broker_v1_DatabaseCredential, DatabaseCredential__Output as _stint_broker_v1_DatabaseCredential__Output } from './stint/broker/v1/DatabaseCredential.ts';
import type { EndedLease as _stint_broker_v1_EndedLease, EndedLease__Output as _stint_broker_v1_EndedLease__Output } from './stint/broker/v1/EndedLease.ts';
import type { ExplainDecisionRequest as _stint_broker_v1_ExplainDecisionRequest, ExplainDecisionRequest__Output as _stint_broker_v1_ExplainDecisionRequest__Output } from './stint/broker/v1/ExplainDecisionRequest.ts';
import type { ExplainDecisionResponse as _stint_broker_v1_ExplainDecisionResponse, ExplainDecisionResponse__Output as _stint_broker_v1_ExplainDecisionResponse__Output } from './stint/broker/v1/ExplainDecisionResponse.ts';
import type { GetGrantRequest as _stint_broker_v1_GetGrantRequest, GetGrantRequest__Output as _stint_broker_v1_GetGrantRequest__Output } from './stint/broker/v1/GetGrantRequest.ts';
import type { GetGrantResponse as _stint_broker_v1_GetGrantResponse, GetGrantResponse__Output as _stint_broker_v1_GetGrantResponse__Output } from './stint/broker/v1/GetGrantResponse.ts';
import type { GetStatusRequest as _stint_broker_v1_GetStatusRequest, GetStatusRequest__Output as _stint_broker_v1_GetStatusRequest__Output } from './stint/broker/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_broker_v1_GetStatusResponse, GetStatusResponse__Output as _stint_broker_v1_GetStatusResponse__Output } from './stint/broker/v1/GetStatusResponse.ts';
import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from './stint/broker/v1/Grant.ts';
import type { IdentityInfo as _stint_broker_v1_IdentityInfo, IdentityInfo__Output as _stint_broker_v1_IdentityInfo__Output } from './stint/broker/v1/IdentityInfo.ts';
import type { IdentityServiceClient as _stint_broker_v1_IdentityServiceClient, IdentityServiceDefinition as _stint_broker_v1_IdentityServiceDefinition } from './stint/broker/v1/IdentityService.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from './stint/broker/v1/Lease.ts';
import type { LeasesEnded as _stint_broker_v1_LeasesEnded, LeasesEnded__Output as _stint_broker_v1_LeasesEnded__Output } from './stint/broker/v1/LeasesEnded.ts';
import type { ListGrantsRequest as _stint_broker_v1_ListGrantsRequest, ListGrantsRequest__Output as _stint_broker_v1_ListGrantsRequest__Output } from './stint/broker/v1/ListGrantsRequest.ts';
import type { ListGrantsResponse as _stint_broker_v1_ListGrantsResponse, ListGrantsResponse__Output as _stint_broker_v1_ListGrantsResponse__Output } from './stint/broker/v1/ListGrantsResponse.ts';
import type { ListRegistryRequest as _stint_broker_v1_ListRegistryRequest, ListRegistryRequest__Output as _stint_broker_v1_ListRegistryRequest__Output } from './stint/broker/v1/ListRegistryRequest.ts';
import type { ListRegistryResponse as _stint_broker_v1_ListRegistryResponse, ListRegistryResponse__Output as _stint_broker_v1_ListRegistryResponse__Output } from './stint/broker/v1/ListRegistryResponse.ts';
import type { MintSvidRequest as _stint_broker_v1_MintSvidRequest, MintSvidRequest__Output as _stint_broker_v1_MintSvidRequest__Output } from './stint/broker/v1/MintSvidRequest.ts';
import type { MintSvidResponse as _stint_broker_v1_MintSvidResponse, MintSvidResponse__Output as _stint_broker_v1_MintSvidResponse__Output } from './stint/broker/v1/MintSvidResponse.ts';
import type { ReloadPolicyRequest as _stint_broker_v1_ReloadPolicyRequest, ReloadPolicyRequest__Output as _stint_broker_v1_ReloadPolicyRequest__Output } from './stint/broker/v1/ReloadPolicyRequest.ts';
import type { ReloadPolicyResponse as _stint_broker_v1_ReloadPolicyResponse, ReloadPolicyResponse__Output as _stint_broker_v1_ReloadPolicyResponse__Output } from './stint/broker/v1/ReloadPolicyResponse.ts';
import type { RenewLeaseRequest as _stint_broker_v1_RenewLeaseRequest, RenewLeaseRequest__Output as _stint_broker_v1_RenewLeaseRequest__Output } from './stint/broker/v1/RenewLeaseRequest.ts';
import type { RenewLeaseResponse as _stint_broker_v1_RenewLeaseResponse, RenewLeaseResponse__Output as _stint_broker_v1_RenewLeaseResponse__Output } from './stint/broker/v1/RenewLeaseResponse.ts';
import type { RequestAccessRequest as _stint_broker_v1_RequestAccessRequest, RequestAccessRequest__Output as _stint_broker_v1_RequestAccessRequest__Output } from './stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse as _stint_broker_v1_RequestAccessResponse, RequestAccessResponse__Output as _stint_broker_v1_RequestAccessResponse__Output } from './stint/broker/v1/RequestAccessResponse.ts';
import type { ResourceInfo as _stint_broker_v1_ResourceInfo, ResourceInfo__Output as _stint_broker_v1_ResourceInfo__Output } from './stint/broker/v1/ResourceInfo.ts';
import type { RevokeGrantRequest as _stint_broker_v1_RevokeGrantRequest, RevokeGrantRequest__Output as _stint_broker_v1_RevokeGrantRequest__Output } from './stint/broker/v1/RevokeGrantRequest.ts';
import type { RevokeGrantResponse as _stint_broker_v1_RevokeGrantResponse, RevokeGrantResponse__Output as _stint_broker_v1_RevokeGrantResponse__Output } from './stint/broker/v1/RevokeGrantResponse.ts';
import type { RotateSvidRequest as _stint_broker_v1_RotateSvidRequest, RotateSvidRequest__Output as _stint_broker_v1_RotateSvidRequest__Output } from './stint/broker/v1/RotateSvidRequest.ts';
import type { RotateSvidResponse as _stint_broker_v1_RotateSvidResponse, RotateSvidResponse__Output as _stint_broker_v1_RotateSvidResponse__Output } from './stint/broker/v1/RotateSvidResponse.ts';
import type { RuleExplanation as _stint_broker_v1_RuleExplanation, RuleExplanation__Output as _stint_broker_v1_RuleExplanation__Output } from './stint/broker/v1/RuleExplanation.ts';
import type { ServerMessage as _stint_broker_v1_ServerMessage, ServerMessage__Output as _stint_broker_v1_ServerMessage__Output } from './stint/broker/v1/ServerMessage.ts';
import type { SessionRequest as _stint_broker_v1_SessionRequest, SessionRequest__Output as _stint_broker_v1_SessionRequest__Output } from './stint/broker/v1/SessionRequest.ts';
import type { SessionResponse as _stint_broker_v1_SessionResponse, SessionResponse__Output as _stint_broker_v1_SessionResponse__Output } from './stint/broker/v1/SessionResponse.ts';
import type { TargetStatus as _stint_broker_v1_TargetStatus, TargetStatus__Output as _stint_broker_v1_TargetStatus__Output } from './stint/broker/v1/TargetStatus.ts';
import type { TokenCredential as _stint_broker_v1_TokenCredential, TokenCredential__Output as _stint_broker_v1_TokenCredential__Output } from './stint/broker/v1/TokenCredential.ts';
import type { TrustBundle as _stint_broker_v1_TrustBundle, TrustBundle__Output as _stint_broker_v1_TrustBundle__Output } from './stint/broker/v1/TrustBundle.ts';
import type { X509Svid as _stint_broker_v1_X509Svid, X509Svid__Output as _stint_broker_v1_X509Svid__Output } from './stint/broker/v1/X509Svid.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Any: MessageTypeDefinition<_google_protobuf_Any, _google_protobuf_Any__Output>
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
    rpc: {
      Status: MessageTypeDefinition<_google_rpc_Status, _google_rpc_Status__Output>
    }
  }
  stint: {
    broker: {
      v1: {
        AccessService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_AccessServiceClient> & { service: _stint_broker_v1_AccessServiceDefinition }
        AcknowledgeDelivery: MessageTypeDefinition<_stint_broker_v1_AcknowledgeDelivery, _stint_broker_v1_AcknowledgeDelivery__Output>
        AdminService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_AdminServiceClient> & { service: _stint_broker_v1_AdminServiceDefinition }
        Alive: MessageTypeDefinition<_stint_broker_v1_Alive, _stint_broker_v1_Alive__Output>
        AttestRequest: MessageTypeDefinition<_stint_broker_v1_AttestRequest, _stint_broker_v1_AttestRequest__Output>
        AttestResponse: MessageTypeDefinition<_stint_broker_v1_AttestResponse, _stint_broker_v1_AttestResponse__Output>
        AttestationService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_AttestationServiceClient> & { service: _stint_broker_v1_AttestationServiceDefinition }
        ClientMessage: MessageTypeDefinition<_stint_broker_v1_ClientMessage, _stint_broker_v1_ClientMessage__Output>
        CompleteGrantRequest: MessageTypeDefinition<_stint_broker_v1_CompleteGrantRequest, _stint_broker_v1_CompleteGrantRequest__Output>
        CompleteGrantResponse: MessageTypeDefinition<_stint_broker_v1_CompleteGrantResponse, _stint_broker_v1_CompleteGrantResponse__Output>
        ConditionExplanation: MessageTypeDefinition<_stint_broker_v1_ConditionExplanation, _stint_broker_v1_ConditionExplanation__Output>
        CreateJoinTokenRequest: MessageTypeDefinition<_stint_broker_v1_CreateJoinTokenRequest, _stint_broker_v1_CreateJoinTokenRequest__Output>
        CreateJoinTokenResponse: MessageTypeDefinition<_stint_broker_v1_CreateJoinTokenResponse, _stint_broker_v1_CreateJoinTokenResponse__Output>
        Credential: MessageTypeDefinition<_stint_broker_v1_Credential, _stint_broker_v1_Credential__Output>
        DatabaseCredential: MessageTypeDefinition<_stint_broker_v1_DatabaseCredential, _stint_broker_v1_DatabaseCredential__Output>
        EndedLease: MessageTypeDefinition<_stint_broker_v1_EndedLease, _stint_broker_v1_EndedLease__Output>
        ExplainDecisionRequest: MessageTypeDefinition<_stint_broker_v1_ExplainDecisionRequest, _stint_broker_v1_ExplainDecisionRequest__Output>
        ExplainDecisionResponse: MessageTypeDefinition<_stint_broker_v1_ExplainDecisionResponse, _stint_broker_v1_ExplainDecisionResponse__Output>
        GetGrantRequest: MessageTypeDefinition<_stint_broker_v1_GetGrantRequest, _stint_broker_v1_GetGrantRequest__Output>
        GetGrantResponse: MessageTypeDefinition<_stint_broker_v1_GetGrantResponse, _stint_broker_v1_GetGrantResponse__Output>
        GetStatusRequest: MessageTypeDefinition<_stint_broker_v1_GetStatusRequest, _stint_broker_v1_GetStatusRequest__Output>
        GetStatusResponse: MessageTypeDefinition<_stint_broker_v1_GetStatusResponse, _stint_broker_v1_GetStatusResponse__Output>
        Grant: MessageTypeDefinition<_stint_broker_v1_Grant, _stint_broker_v1_Grant__Output>
        IdentityInfo: MessageTypeDefinition<_stint_broker_v1_IdentityInfo, _stint_broker_v1_IdentityInfo__Output>
        IdentityService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_IdentityServiceClient> & { service: _stint_broker_v1_IdentityServiceDefinition }
        Lease: MessageTypeDefinition<_stint_broker_v1_Lease, _stint_broker_v1_Lease__Output>
        LeasesEnded: MessageTypeDefinition<_stint_broker_v1_LeasesEnded, _stint_broker_v1_LeasesEnded__Output>
        ListGrantsRequest: MessageTypeDefinition<_stint_broker_v1_ListGrantsRequest, _stint_broker_v1_ListGrantsRequest__Output>
        ListGrantsResponse: MessageTypeDefinition<_stint_broker_v1_ListGrantsResponse, _stint_broker_v1_ListGrantsResponse__Output>
        ListRegistryRequest: MessageTypeDefinition<_stint_broker_v1_ListRegistryRequest, _stint_broker_v1_ListRegistryRequest__Output>
        ListRegistryResponse: MessageTypeDefinition<_stint_broker_v1_ListRegistryResponse, _stint_broker_v1_ListRegistryResponse__Output>
        MintSvidRequest: MessageTypeDefinition<_stint_broker_v1_MintSvidRequest, _stint_broker_v1_MintSvidRequest__Output>
        MintSvidResponse: MessageTypeDefinition<_stint_broker_v1_MintSvidResponse, _stint_broker_v1_MintSvidResponse__Output>
        ReloadPolicyRequest: MessageTypeDefinition<_stint_broker_v1_ReloadPolicyRequest, _stint_broker_v1_ReloadPolicyRequest__Output>
        ReloadPolicyResponse: MessageTypeDefinition<_stint_broker_v1_ReloadPolicyResponse, _stint_broker_v1_ReloadPolicyResponse__Output>
        RenewLeaseRequest: MessageTypeDefinition<_stint_broker_v1_RenewLeaseRequest, _stint_broker_v1_RenewLeaseRequest__Output>
        RenewLeaseResponse: MessageTypeDefinition<_stint_broker_v1_RenewLeaseResponse, _stint_broker_v1_RenewLeaseResponse__Output>
        RequestAccessRequest: MessageTypeDefinition<_stint_broker_v1_RequestAccessRequest, _stint_broker_v1_RequestAccessRequest__Output>
        RequestAccessResponse: MessageTypeDefinition<_stint_broker_v1_RequestAccessResponse, _stint_broker_v1_RequestAccessResponse__Output>
        ResourceInfo: MessageTypeDefinition<_stint_broker_v1_ResourceInfo, _stint_broker_v1_ResourceInfo__Output>
        RevokeGrantRequest: MessageTypeDefinition<_stint_broker_v1_RevokeGrantRequest, _stint_broker_v1_RevokeGrantRequest__Output>
        RevokeGrantResponse: MessageTypeDefinition<_stint_broker_v1_RevokeGrantResponse, _stint_broker_v1_RevokeGrantResponse__Output>
        RotateSvidRequest: MessageTypeDefinition<_stint_broker_v1_RotateSvidRequest, _stint_broker_v1_RotateSvidRequest__Output>
        RotateSvidResponse: MessageTypeDefinition<_stint_broker_v1_RotateSvidResponse, _stint_broker_v1_RotateSvidResponse__Output>
        RuleExplanation: MessageTypeDefinition<_stint_broker_v1_RuleExplanation, _stint_broker_v1_RuleExplanation__Output>
        ServerMessage: MessageTypeDefinition<_stint_broker_v1_ServerMessage, _stint_broker_v1_ServerMessage__Output>
        SessionRequest: MessageTypeDefinition<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionRequest__Output>
        SessionResponse: MessageTypeDefinition<_stint_broker_v1_SessionResponse, _stint_broker_v1_SessionResponse__Output>
        TargetStatus: MessageTypeDefinition<_stint_broker_v1_TargetStatus, _stint_broker_v1_TargetStatus__Output>
        TokenCredential: MessageTypeDefinition<_stint_broker_v1_TokenCredential, _stint_broker_v1_TokenCredential__Output>
        TrustBundle: MessageTypeDefinition<_stint_broker_v1_TrustBundle, _stint_broker_v1_TrustBundle__Output>
        X509Svid: MessageTypeDefinition<_stint_broker_v1_X509Svid, _stint_broker_v1_X509Svid__Output>
      }
    }
  }
}

