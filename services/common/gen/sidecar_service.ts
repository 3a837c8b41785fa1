import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from './google/protobuf/Any.ts';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { Status as _google_rpc_Status, Status__Output as _google_rpc_Status__Output } from './google/rpc/Status.ts';
import type { AccessServiceClient as _stint_broker_v1_AccessServiceClient, AccessServiceDefinition as _stint_broker_v1_AccessServiceDefinition } from './stint/broker/v1/AccessService.ts';
import type { AcknowledgeDelivery as _stint_broker_v1_AcknowledgeDelivery, AcknowledgeDelivery__Output as _stint_broker_v1_AcknowledgeDelivery__Output } from './stint/broker/v1/AcknowledgeDelivery.ts';
import type { Alive as _stint_broker_v1_Alive, Alive__Output as _stint_broker_v1_Alive__Output } from './stint/broker/v1/Alive.ts';
import type { ClientMessage as _stint_broker_v1_ClientMessage, ClientMessage__Output as _stint_broker_v1_ClientMessage__Output } from './stint/broker/v1/ClientMessage.ts';
import type { CompleteGrantRequest as _stint_broker_v1_CompleteGrantRequest, CompleteGrantRequest__Output as _stint_broker_v1_CompleteGrantRequest__Output } from './stint/broker/v1/CompleteGrantRequest.ts';
import type { CompleteGrantResponse as _stint_broker_v1_CompleteGrantResponse, CompleteGrantResponse__Output as _stint_broker_v1_CompleteGrantResponse__Output } from './stint/broker/v1/CompleteGrantResponse.ts';
import type { Credential as _stint_broker_v1_Credential, Credential__Output as _stint_broker_v1_Credential__Output } from './stint/broker/v1/Credential.ts';
import type { DatabaseCredential as _stint_broker_v1_DatabaseCredential, DatabaseCredential__Output as _stint_broker_v1_DatabaseCredential__Output } from './stint/broker/v1/DatabaseCredential.ts';
import type { EndedLease as _stint_broker_v1_EndedLease, EndedLease__Output as _stint_broker_v1_EndedLease__Output } from './stint/broker/v1/EndedLease.ts';
import type { Grant as _stint_broker_v1_Grant, Grant__Output as _stint_broker_v1_Grant__Output } from './stint/broker/v1/Grant.ts';
import type { Lease as _stint_broker_v1_Lease, Lease__Output as _stint_broker_v1_Lease__Output } from './stint/broker/v1/Lease.ts';
import type { LeasesEnded as _stint_broker_v1_LeasesEnded, LeasesEnded__Output as _stint_broker_v1_LeasesEnded__Output } from './stint/broker/v1/LeasesEnded.ts';
import type { RenewLeaseRequest as _stint_broker_v1_RenewLeaseRequest, RenewLeaseRequest__Output as _stint_broker_v1_RenewLeaseRequest__Output } from './stint/broker/v1/RenewLeaseRequest.ts';
import type { RenewLeaseResponse as _stint_broker_v1_RenewLeaseResponse, RenewLeaseResponse__Output as _stint_broker_v1_RenewLeaseResponse__Output } from './stint/broker/v1/RenewLeaseResponse.ts';
import type { RequestAccessRequest as _stint_broker_v1_RequestAccessRequest, RequestAccessRequest__Output as _stint_broker_v1_RequestAccessRequest__Output } from './stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse as _stint_broker_v1_RequestAccessResponse, RequestAccessResponse__Output as _stint_broker_v1_RequestAccessResponse__Output } from './stint/broker/v1/RequestAccessResponse.ts';
import type { ServerMessage as _stint_broker_v1_ServerMessage, ServerMessage__Output as _stint_broker_v1_ServerMessage__Output } from './stint/broker/v1/ServerMessage.ts';
import type { SessionRequest as _stint_broker_v1_SessionRequest, SessionRequest__Output as _stint_broker_v1_SessionRequest__Output } from './stint/broker/v1/SessionRequest.ts';
import type { SessionResponse as _stint_broker_v1_SessionResponse, SessionResponse__Output as _stint_broker_v1_SessionResponse__Output } from './stint/broker/v1/SessionResponse.ts';
import type { TokenCredential as _stint_broker_v1_TokenCredential, TokenCredential__Output as _stint_broker_v1_TokenCredential__Output } from './stint/broker/v1/TokenCredential.ts';
import type { TrustBundle as _stint_broker_v1_TrustBundle, TrustBundle__Output as _stint_broker_v1_TrustBundle__Output } from './stint/broker/v1/TrustBundle.ts';
import type { AcquireRequest as _stint_sidecar_v1_AcquireRequest, AcquireRequest__Output as _stint_sidecar_v1_AcquireRequest__Output } from './stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse as _stint_sidecar_v1_AcquireResponse, AcquireResponse__Output as _stint_sidecar_v1_AcquireResponse__Output } from './stint/sidecar/v1/AcquireResponse.ts';
import type { GetStatusRequest as _stint_sidecar_v1_GetStatusRequest, GetStatusRequest__Output as _stint_sidecar_v1_GetStatusRequest__Output } from './stint/sidecar/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_sidecar_v1_GetStatusResponse, GetStatusResponse__Output as _stint_sidecar_v1_GetStatusResponse__Output } from './stint/sidecar/v1/GetStatusResponse.ts';
import type { HeldLease as _stint_sidecar_v1_HeldLease, HeldLease__Output as _stint_sidecar_v1_HeldLease__Output } from './stint/sidecar/v1/HeldLease.ts';
import type { LeaseEnded as _stint_sidecar_v1_LeaseEnded, LeaseEnded__Output as _stint_sidecar_v1_LeaseEnded__Output } from './stint/sidecar/v1/LeaseEnded.ts';
import type { ListRequest as _stint_sidecar_v1_ListRequest, ListRequest__Output as _stint_sidecar_v1_ListRequest__Output } from './stint/sidecar/v1/ListRequest.ts';
import type { ListResponse as _stint_sidecar_v1_ListResponse, ListResponse__Output as _stint_sidecar_v1_ListResponse__Output } from './stint/sidecar/v1/ListResponse.ts';
import type { ReleaseRequest as _stint_sidecar_v1_ReleaseRequest, ReleaseRequest__Output as _stint_sidecar_v1_ReleaseRequest__Output } from './stint/sidecar/v1/ReleaseRequest.ts';
import type { ReleaseResponse as _stint_sidecar_v1_ReleaseResponse, ReleaseResponse__Output as _stint_sidecar_v1_ReleaseResponse__Output } from './stint/sidecar/v1/ReleaseResponse.ts';
import type { RenewRequest as _stint_sidecar_v1_RenewRequest, RenewRequest__Output as _stint_sidecar_v1_RenewRequest__Output } from './stint/sidecar/v1/RenewRequest.ts';
import type { RenewResponse as _stint_sidecar_v1_RenewResponse, RenewResponse__Output as _stint_sidecar_v1_RenewResponse__Output } from './stint/sidecar/v1/RenewResponse.ts';
import type { SessionOpened as _stint_sidecar_v1_SessionOpened, SessionOpened__Output as _stint_sidecar_v1_SessionOpened__Output } from './stint/sidecar/v1/SessionOpened.ts';
import type { SidecarServiceClient as _stint_sidecar_v1_SidecarServiceClient, SidecarServiceDefinition as _stint_sidecar_v1_SidecarServiceDefinition } from './stint/sidecar/v1/SidecarService.ts';
import type { VerifyRequest as _stint_sidecar_v1_VerifyRequest, VerifyRequest__Output as _stint_sidecar_v1_VerifyRequest__Output } from './stint/sidecar/v1/VerifyRequest.ts';
import type { VerifyResponse as _stint_sidecar_v1_VerifyResponse, VerifyResponse__Output as _stint_sidecar_v1_VerifyResponse__Output } from './stint/sidecar/v1/VerifyResponse.ts';
import type { WatchRequest as _stint_sidecar_v1_WatchRequest, WatchRequest__Output as _stint_sidecar_v1_WatchRequest__Output } from './stint/sidecar/v1/WatchRequest.ts';
import type { WatchResponse as _stint_sidecar_v1_WatchResponse, WatchResponse__Output as _stint_sidecar_v1_WatchResponse__Output } from './stint/sidecar/v1/WatchResponse.ts';

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
        Alive: MessageTypeDefinition<_stint_broker_v1_Alive, _stint_broker_v1_Alive__Output>
        ClientMessage: MessageTypeDefinition<_stint_broker_v1_ClientMessage, _stint_broker_v1_ClientMessage__Output>
        CompleteGrantRequest: MessageTypeDefinition<_stint_broker_v1_CompleteGrantRequest, _stint_broker_v1_CompleteGrantRequest__Output>
        CompleteGrantResponse: MessageTypeDefinition<_stint_broker_v1_CompleteGrantResponse, _stint_broker_v1_CompleteGrantResponse__Output>
        Credential: MessageTypeDefinition<_stint_broker_v1_Credential, _stint_broker_v1_Credential__Output>
        DatabaseCredential: MessageTypeDefinition<_stint_broker_v1_DatabaseCredential, _stint_broker_v1_DatabaseCredential__Output>
        EndedLease: MessageTypeDefinition<_stint_broker_v1_EndedLease, _stint_broker_v1_EndedLease__Output>
        Grant: MessageTypeDefinition<_stint_broker_v1_Grant, _stint_broker_v1_Grant__Output>
        Lease: MessageTypeDefinition<_stint_broker_v1_Lease, _stint_broker_v1_Lease__Output>
        LeasesEnded: MessageTypeDefinition<_stint_broker_v1_LeasesEnded, _stint_broker_v1_LeasesEnded__Output>
        RenewLeaseRequest: MessageTypeDefinition<_stint_broker_v1_RenewLeaseRequest, _stint_broker_v1_RenewLeaseRequest__Output>
        RenewLeaseResponse: MessageTypeDefinition<_stint_broker_v1_RenewLeaseResponse, _stint_broker_v1_RenewLeaseResponse__Output>
        RequestAccessRequest: MessageTypeDefinition<_stint_broker_v1_RequestAccessRequest, _stint_broker_v1_RequestAccessRequest__Output>
        RequestAccessResponse: MessageTypeDefinition<_stint_broker_v1_RequestAccessResponse, _stint_broker_v1_RequestAccessResponse__Output>
        ServerMessage: MessageTypeDefinition<_stint_broker_v1_ServerMessage, _stint_broker_v1_ServerMessage__Output>
        SessionRequest: MessageTypeDefinition<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionRequest__Output>
        SessionResponse: MessageTypeDefinition<_stint_broker_v1_SessionResponse, _stint_broker_v1_SessionResponse__Output>
        TokenCredential: MessageTypeDefinition<_stint_broker_v1_TokenCredential, _stint_broker_v1_TokenCredential__Output>
        TrustBundle: MessageTypeDefinition<_stint_broker_v1_TrustBundle, _stint_broker_v1_TrustBundle__Output>
      }
    }
    sidecar: {
      v1: {
        AcquireRequest: MessageTypeDefinition<_stint_sidecar_v1_AcquireRequest, _stint_sidecar_v1_AcquireRequest__Output>
        AcquireResponse: MessageTypeDefinition<_stint_sidecar_v1_AcquireResponse, _stint_sidecar_v1_AcquireResponse__Output>
        GetStatusRequest: MessageTypeDefinition<_stint_sidecar_v1_GetStatusRequest, _stint_sidecar_v1_GetStatusRequest__Output>
        GetStatusResponse: MessageTypeDefinition<_stint_sidecar_v1_GetStatusResponse, _stint_sidecar_v1_GetStatusResponse__Output>
        HeldLease: MessageTypeDefinition<_stint_sidecar_v1_HeldLease, _stint_sidecar_v1_HeldLease__Output>
        LeaseEnded: MessageTypeDefinition<_stint_sidecar_v1_LeaseEnded, _stint_sidecar_v1_LeaseEnded__Output>
        ListRequest: MessageTypeDefinition<_stint_sidecar_v1_ListRequest, _stint_sidecar_v1_ListRequest__Output>
        ListResponse: MessageTypeDefinition<_stint_sidecar_v1_ListResponse, _stint_sidecar_v1_ListResponse__Output>
        ReleaseRequest: MessageTypeDefinition<_stint_sidecar_v1_ReleaseRequest, _stint_sidecar_v1_ReleaseRequest__Output>
        ReleaseResponse: MessageTypeDefinition<_stint_sidecar_v1_ReleaseResponse, _stint_sidecar_v1_ReleaseResponse__Output>
        RenewRequest: MessageTypeDefinition<_stint_sidecar_v1_RenewRequest, _stint_sidecar_v1_RenewRequest__Output>
        RenewResponse: MessageTypeDefinition<_stint_sidecar_v1_RenewResponse, _stint_sidecar_v1_RenewResponse__Output>
        SessionOpened: MessageTypeDefinition<_stint_sidecar_v1_SessionOpened, _stint_sidecar_v1_SessionOpened__Output>
        SidecarService: SubtypeConstructor<typeof grpc.Client, _stint_sidecar_v1_SidecarServiceClient> & { service: _stint_sidecar_v1_SidecarServiceDefinition }
        VerifyRequest: MessageTypeDefinition<_stint_sidecar_v1_VerifyRequest, _stint_sidecar_v1_VerifyRequest__Output>
        VerifyResponse: MessageTypeDefinition<_stint_sidecar_v1_VerifyResponse, _stint_sidecar_v1_VerifyResponse__Output>
        WatchRequest: MessageTypeDefinition<_stint_sidecar_v1_WatchRequest, _stint_sidecar_v1_WatchRequest__Output>
        WatchResponse: MessageTypeDefinition<_stint_sidecar_v1_WatchResponse, _stint_sidecar_v1_WatchResponse__Output>
      }
    }
  }
}

