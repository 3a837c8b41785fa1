// Original file: stint/broker/v1/attestation_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AttestRequest as _stint_broker_v1_AttestRequest, AttestRequest__Output as _stint_broker_v1_AttestRequest__Output } from '../../../stint/broker/v1/AttestRequest.ts';
import type { AttestResponse as _stint_broker_v1_AttestResponse, AttestResponse__Output as _stint_broker_v1_AttestResponse__Output } from '../../../stint/broker/v1/AttestResponse.ts';

export interface AttestationServiceClient extends grpc.Client {
  Attest(argument: _stint_broker_v1_AttestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _stint_broker_v1_AttestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _stint_broker_v1_AttestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _stint_broker_v1_AttestRequest, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _stint_broker_v1_AttestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _stint_broker_v1_AttestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _stint_broker_v1_AttestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _stint_broker_v1_AttestRequest, callback: grpc.requestCallback<_stint_broker_v1_AttestResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AttestationServiceHandlers extends grpc.UntypedServiceImplementation {
  Attest: grpc.handleUnaryCall<_stint_broker_v1_AttestRequest__Output, _stint_broker_v1_AttestResponse>;
  
}

export interface AttestationServiceDefinition extends grpc.ServiceDefinition {
  Attest: MethodDefinition<_stint_broker_v1_AttestRequest, _stint_broker_v1_AttestResponse, _stint_broker_v1_AttestRequest__Output, _stint_broker_v1_AttestResponse__Output>
}
