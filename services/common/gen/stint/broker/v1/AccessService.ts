// Original file: stint/broker/v1/access_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CompleteGrantRequest as _stint_broker_v1_CompleteGrantRequest, CompleteGrantRequest__Output as _stint_broker_v1_CompleteGrantRequest__Output } from '../../../stint/broker/v1/CompleteGrantRequest.ts';
import type { CompleteGrantResponse as _stint_broker_v1_CompleteGrantResponse, CompleteGrantResponse__Output as _stint_broker_v1_CompleteGrantResponse__Output } from '../../../stint/broker/v1/CompleteGrantResponse.ts';
import type { RenewLeaseRequest as _stint_broker_v1_RenewLeaseRequest, RenewLeaseRequest__Output as _stint_broker_v1_RenewLeaseRequest__Output } from '../../../stint/broker/v1/RenewLeaseRequest.ts';
import type { RenewLeaseResponse as _stint_broker_v1_RenewLeaseResponse, RenewLeaseResponse__Output as _stint_broker_v1_RenewLeaseResponse__Output } from '../../../stint/broker/v1/RenewLeaseResponse.ts';
import type { RequestAccessRequest as _stint_broker_v1_RequestAccessRequest, RequestAccessRequest__Output as _stint_broker_v1_RequestAccessRequest__Output } from '../../../stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse as _stint_broker_v1_RequestAccessResponse, RequestAccessResponse__Output as _stint_broker_v1_RequestAccessResponse__Output } from '../../../stint/broker/v1/RequestAccessResponse.ts';
import type { SessionRequest as _stint_broker_v1_SessionRequest, SessionRequest__Output as _stint_broker_v1_SessionRequest__Output } from '../../../stint/broker/v1/SessionRequest.ts';
import type { SessionResponse as _stint_broker_v1_SessionResponse, SessionResponse__Output as _stint_broker_v1_SessionResponse__Output } from '../../../stint/broker/v1/SessionResponse.ts';

export interface AccessServiceClient extends grpc.Client {
  CompleteGrant(argument: _stint_broker_v1_CompleteGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  CompleteGrant(argument: _stint_broker_v1_CompleteGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  CompleteGrant(argument: _stint_broker_v1_CompleteGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  CompleteGrant(argument: _stint_broker_v1_CompleteGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  completeGrant(argument: _stint_broker_v1_CompleteGrantRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  completeGrant(argument: _stint_broker_v1_CompleteGrantRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  completeGrant(argument: _stint_broker_v1_CompleteGrantRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  completeGrant(argument: _stint_broker_v1_CompleteGrantRequest, callback: grpc.requestCallback<_stint_broker_v1_CompleteGrantResponse__Output>): grpc.ClientUnaryCall;
  
  RenewLease(argument: _stint_broker_v1_RenewLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  RenewLease(argument: _stint_broker_v1_RenewLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  RenewLease(argument: _stint_broker_v1_RenewLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  RenewLease(argument: _stint_broker_v1_RenewLeaseRequest, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  renewLease(argument: _stint_broker_v1_RenewLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  renewLease(argument: _stint_broker_v1_RenewLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  renewLease(argument: _stint_broker_v1_RenewLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  renewLease(argument: _stint_broker_v1_RenewLeaseRequest, callback: grpc.requestCallback<_stint_broker_v1_RenewLeaseResponse__Output>): grpc.ClientUnaryCall;
  
  RequestAccess(argument: _stint_broker_v1_RequestAccessRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  RequestAccess(argument: _stint_broker_v1_RequestAccessRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  RequestAccess(argument: _stint_broker_v1_RequestAccessRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  RequestAccess(argument: _stint_broker_v1_RequestAccessRequest, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  requestAccess(argument: _stint_broker_v1_RequestAccessRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  requestAccess(argument: _stint_broker_v1_RequestAccessRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  requestAccess(argument: _stint_broker_v1_RequestAccessRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  requestAccess(argument: _stint_broker_v1_RequestAccessRequest, callback: grpc.requestCallback<_stint_broker_v1_RequestAccessResponse__Output>): grpc.ClientUnaryCall;
  
  Session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionResponse__Output>;
  Session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionResponse__Output>;
  session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionResponse__Output>;
  session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionResponse__Output>;
  
}

export interface AccessServiceHandlers extends grpc.UntypedServiceImplementation {
  CompleteGrant: grpc.handleUnaryCall<_stint_broker_v1_CompleteGrantRequest__Output, _stint_broker_v1_CompleteGrantResponse>;
  
  RenewLease: grpc.handleUnaryCall<_stint_broker_v1_RenewLeaseRequest__Output, _stint_broker_v1_RenewLeaseResponse>;
  
  RequestAccess: grpc.handleUnaryCall<_stint_broker_v1_RequestAccessRequest__Output, _stint_broker_v1_RequestAccessResponse>;
  
  Session: grpc.handleBidiStreamingCall<_stint_broker_v1_SessionRequest__Output, _stint_broker_v1_SessionResponse>;
  
}

export interface AccessServiceDefinition extends grpc.ServiceDefinition {
  CompleteGrant: MethodDefinition<_stint_broker_v1_CompleteGrantRequest, _stint_broker_v1_CompleteGrantResponse, _stint_broker_v1_CompleteGrantRequest__Output, _stint_broker_v1_CompleteGrantResponse__Output>
  RenewLease: MethodDefinition<_stint_broker_v1_RenewLeaseRequest, _stint_broker_v1_RenewLeaseResponse, _stint_broker_v1_RenewLeaseRequest__Output, _stint_broker_v1_RenewLeaseResponse__Output>
  RequestAccess: MethodDefinition<_stint_broker_v1_RequestAccessRequest, _stint_broker_v1_RequestAccessResponse, _stint_broker_v1_RequestAccessRequest__Output, _stint_broker_v1_RequestAccessResponse__Output>
  Session: MethodDefinition<_stint_broker_v1_SessionRequest, _stint_broker_v1_SessionResponse, _stint_broker_v1_SessionRequest__Output, _stint_broker_v1_SessionResponse__Output>
}
