// Original file: stint/broker/v1/attestation_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { RotateSvidRequest as _stint_broker_v1_RotateSvidRequest, RotateSvidRequest__Output as _stint_broker_v1_RotateSvidRequest__Output } from '../../../stint/broker/v1/RotateSvidRequest.ts';
import type { RotateSvidResponse as _stint_broker_v1_RotateSvidResponse, RotateSvidResponse__Output as _stint_broker_v1_RotateSvidResponse__Output } from '../../../stint/broker/v1/RotateSvidResponse.ts';

export interface IdentityServiceClient extends grpc.Client {
  RotateSvid(argument: _stint_broker_v1_RotateSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  RotateSvid(argument: _stint_broker_v1_RotateSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  RotateSvid(argument: _stint_broker_v1_RotateSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  RotateSvid(argument: _stint_broker_v1_RotateSvidRequest, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  rotateSvid(argument: _stint_broker_v1_RotateSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  rotateSvid(argument: _stint_broker_v1_RotateSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  rotateSvid(argument: _stint_broker_v1_RotateSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  rotateSvid(argument: _stint_broker_v1_RotateSvidRequest, callback: grpc.requestCallback<_stint_broker_v1_RotateSvidResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface IdentityServiceHandlers extends grpc.UntypedServiceImplementation {
  RotateSvid: grpc.handleUnaryCall<_stint_broker_v1_RotateSvidRequest__Output, _stint_broker_v1_RotateSvidResponse>;
  
}

export interface IdentityServiceDefinition extends grpc.ServiceDefinition {
  RotateSvid: MethodDefinition<_stint_broker_v1_RotateSvidRequest, _stint_broker_v1_RotateSvidResponse, _stint_broker_v1_RotateSvidRequest__Output, _stint_broker_v1_RotateSvidResponse__Output>
}
