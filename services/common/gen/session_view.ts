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
import type { AccessView as _stint_sidecar_v1_AccessView, AccessView__Output as _stint_sidecar_v1_AccessView__Output } from './stint/sidecar/v1/AccessView.ts';
import type { CredentialView as _stint_sidecar_v1_CredentialView, CredentialView__Output as _stint_sidecar_v1_CredentialView__Output } from './stint/sidecar/v1/CredentialView.ts';
import type { GrantView as _stint_sidecar_v1_GrantView, GrantView__Output as _stint_sidecar_v1_GrantView__Output } from './stint/sidecar/v1/GrantView.ts';
import type { LeaseView as _stint_sidecar_v1_LeaseView, LeaseView__Output as _stint_sidecar_v1_LeaseView__Output } from './stint/sidecar/v1/LeaseView.ts';
import type { MessageView as _stint_sidecar_v1_MessageView, MessageView__Output as _stint_sidecar_v1_MessageView__Output } from './stint/sidecar/v1/MessageView.ts';
import type { PassedOver as _stint_sidecar_v1_PassedOver, PassedOver__Output as _stint_sidecar_v1_PassedOver__Output } from './stint/sidecar/v1/PassedOver.ts';
import type { SessionView as _stint_sidecar_v1_SessionView, SessionView__Output as _stint_sidecar_v1_SessionView__Output } from './stint/sidecar/v1/SessionView.ts';

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
        AccessView: MessageTypeDefinition<_stint_sidecar_v1_AccessView, _stint_sidecar_v1_AccessView__Output>
        CredentialView: MessageTypeDefinition<_stint_sidecar_v1_CredentialView, _stint_sidecar_v1_CredentialView__Output>
        GrantView: MessageTypeDefinition<_stint_sidecar_v1_GrantView, _stint_sidecar_v1_GrantView__Output>
        LeaseView: MessageTypeDefinition<_stint_sidecar_v1_LeaseView, _stint_sidecar_v1_LeaseView__Output>
        MessageView: MessageTypeDefinition<_stint_sidecar_v1_MessageView, _stint_sidecar_v1_MessageView__Output>
        PassedOver: MessageTypeDefinition<_stint_sidecar_v1_PassedOver, _stint_sidecar_v1_PassedOver__Output>
        SessionView: MessageTypeDefinition<_stint_sidecar_v1_SessionView, _stint_sidecar_v1_SessionView__Output>
      }
    }
  }
}

