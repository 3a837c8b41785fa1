import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { AttestRequest as _stint_broker_v1_AttestRequest, AttestRequest__Output as _stint_broker_v1_AttestRequest__Output } from './stint/broker/v1/AttestRequest.ts';
import type { AttestResponse as _stint_broker_v1_AttestResponse, AttestResponse__Output as _stint_broker_v1_AttestResponse__Output } from './stint/broker/v1/AttestResponse.ts';
import type { AttestationServiceClient as _stint_broker_v1_AttestationServiceClient, AttestationServiceDefinition as _stint_broker_v1_AttestationServiceDefinition } from './stint/broker/v1/AttestationService.ts';
import type { IdentityServiceClient as _stint_broker_v1_IdentityServiceClient, IdentityServiceDefinition as _stint_broker_v1_IdentityServiceDefinition } from './stint/broker/v1/IdentityService.ts';
import type { RotateSvidRequest as _stint_broker_v1_RotateSvidRequest, RotateSvidRequest__Output as _stint_broker_v1_RotateSvidRequest__Output } from './stint/broker/v1/RotateSvidRequest.ts';
import type { RotateSvidResponse as _stint_broker_v1_RotateSvidResponse, RotateSvidResponse__Output as _stint_broker_v1_RotateSvidResponse__Output } from './stint/broker/v1/RotateSvidResponse.ts';
import type { X509Svid as _stint_broker_v1_X509Svid, X509Svid__Output as _stint_broker_v1_X509Svid__Output } from './stint/broker/v1/X509Svid.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  stint: {
    broker: {
      v1: {
        AttestRequest: MessageTypeDefinition<_stint_broker_v1_AttestRequest, _stint_broker_v1_AttestRequest__Output>
        AttestResponse: MessageTypeDefinition<_stint_broker_v1_AttestResponse, _stint_broker_v1_AttestResponse__Output>
        AttestationService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_AttestationServiceClient> & { service: _stint_broker_v1_AttestationServiceDefinition }
        IdentityService: SubtypeConstructor<typeof grpc.Client, _stint_broker_v1_IdentityServiceClient> & { service: _stint_broker_v1_IdentityServiceDefinition }
        RotateSvidRequest: MessageTypeDefinition<_stint_broker_v1_RotateSvidRequest, _stint_broker_v1_RotateSvidRequest__Output>
        RotateSvidResponse: MessageTypeDefinition<_stint_broker_v1_RotateSvidResponse, _stint_broker_v1_RotateSvidResponse__Output>
        X509Svid: MessageTypeDefinition<_stint_broker_v1_X509Svid, _stint_broker_v1_X509Svid__Output>
      }
    }
  }
}

