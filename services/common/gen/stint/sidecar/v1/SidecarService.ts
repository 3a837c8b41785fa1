// Original file: stint/sidecar/v1/sidecar_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AcquireRequest as _stint_sidecar_v1_AcquireRequest, AcquireRequest__Output as _stint_sidecar_v1_AcquireRequest__Output } from '../../../stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse as _stint_sidecar_v1_AcquireResponse, AcquireResponse__Output as _stint_sidecar_v1_AcquireResponse__Output } from '../../../stint/sidecar/v1/AcquireResponse.ts';
import type { GetStatusRequest as _stint_sidecar_v1_GetStatusRequest, GetStatusRequest__Output as _stint_sidecar_v1_GetStatusRequest__Output } from '../../../stint/sidecar/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_sidecar_v1_GetStatusResponse, GetStatusResponse__Output as _stint_sidecar_v1_GetStatusResponse__Output } from '../../../stint/sidecar/v1/GetStatusResponse.ts';
import type { ListRequest as _stint_sidecar_v1_ListRequest, ListRequest__Output as _stint_sidecar_v1_ListRequest__Output } from '../../../stint/sidecar/v1/ListRequest.ts';
import type { ListResponse as _stint_sidecar_v1_ListResponse, ListResponse__Output as _stint_sidecar_v1_ListResponse__Output } from '../../../stint/sidecar/v1/ListResponse.ts';
import type { ReleaseRequest as _stint_sidecar_v1_ReleaseRequest, ReleaseRequest__Output as _stint_sidecar_v1_ReleaseRequest__Output } from '../../../stint/sidecar/v1/ReleaseRequest.ts';
import type { ReleaseResponse as _stint_sidecar_v1_ReleaseResponse, ReleaseResponse__Output as _stint_sidecar_v1_ReleaseResponse__Output } from '../../../stint/sidecar/v1/ReleaseResponse.ts';
import type { RenewRequest as _stint_sidecar_v1_RenewRequest, RenewRequest__Output as _stint_sidecar_v1_RenewRequest__Output } from '../../../stint/sidecar/v1/RenewRequest.ts';
import type { RenewResponse as _stint_sidecar_v1_RenewResponse, RenewResponse__Output as _stint_sidecar_v1_RenewResponse__Output } from '../../../stint/sidecar/v1/RenewResponse.ts';
import type { VerifyRequest as _stint_sidecar_v1_VerifyRequest, VerifyRequest__Output as _stint_sidecar_v1_VerifyRequest__Output } from '../../../stint/sidecar/v1/VerifyRequest.ts';
import type { VerifyResponse as _stint_sidecar_v1_VerifyResponse, VerifyResponse__Output as _stint_sidecar_v1_VerifyResponse__Output } from '../../../stint/sidecar/v1/VerifyResponse.ts';
import type { WatchRequest as _stint_sidecar_v1_WatchRequest, WatchRequest__Output as _stint_sidecar_v1_WatchRequest__Output } from '../../../stint/sidecar/v1/WatchRequest.ts';
import type { WatchResponse as _stint_sidecar_v1_WatchResponse, WatchResponse__Output as _stint_sidecar_v1_WatchResponse__Output } from '../../../stint/sidecar/v1/WatchResponse.ts';

export interface SidecarServiceClient extends grpc.Client {
  Acquire(argument: _stint_sidecar_v1_AcquireRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  Acquire(argument: _stint_sidecar_v1_AcquireRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  Acquire(argument: _stint_sidecar_v1_AcquireRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  Acquire(argument: _stint_sidecar_v1_AcquireRequest, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  acquire(argument: _stint_sidecar_v1_AcquireRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  acquire(argument: _stint_sidecar_v1_AcquireRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  acquire(argument: _stint_sidecar_v1_AcquireRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  acquire(argument: _stint_sidecar_v1_AcquireRequest, callback: grpc.requestCallback<_stint_sidecar_v1_AcquireResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _stint_sidecar_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_sidecar_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_sidecar_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_sidecar_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_sidecar_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_sidecar_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_sidecar_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_sidecar_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_sidecar_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _stint_sidecar_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _stint_sidecar_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _stint_sidecar_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _stint_sidecar_v1_ListRequest, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _stint_sidecar_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _stint_sidecar_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _stint_sidecar_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _stint_sidecar_v1_ListRequest, callback: grpc.requestCallback<_stint_sidecar_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  
  Release(argument: _stint_sidecar_v1_ReleaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  Release(argument: _stint_sidecar_v1_ReleaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  Release(argument: _stint_sidecar_v1_ReleaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  Release(argument: _stint_sidecar_v1_ReleaseRequest, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  release(argument: _stint_sidecar_v1_ReleaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  release(argument: _stint_sidecar_v1_ReleaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  release(argument: _stint_sidecar_v1_ReleaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  release(argument: _stint_sidecar_v1_ReleaseRequest, callback: grpc.requestCallback<_stint_sidecar_v1_ReleaseResponse__Output>): grpc.ClientUnaryCall;
  
  Renew(argument: _stint_sidecar_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _stint_sidecar_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _stint_sidecar_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _stint_sidecar_v1_RenewRequest, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _stint_sidecar_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _stint_sidecar_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _stint_sidecar_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _stint_sidecar_v1_RenewRequest, callback: grpc.requestCallback<_stint_sidecar_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  
  Verify(argument: _stint_sidecar_v1_VerifyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _stint_sidecar_v1_VerifyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _stint_sidecar_v1_VerifyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _stint_sidecar_v1_VerifyRequest, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _stint_sidecar_v1_VerifyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _stint_sidecar_v1_VerifyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _stint_sidecar_v1_VerifyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _stint_sidecar_v1_VerifyRequest, callback: grpc.requestCallback<_stint_sidecar_v1_VerifyResponse__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _stint_sidecar_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_sidecar_v1_WatchResponse__Output>;
  Watch(argument: _stint_sidecar_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_sidecar_v1_WatchResponse__Output>;
  watch(argument: _stint_sidecar_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_sidecar_v1_WatchResponse__Output>;
  watch(argument: _stint_sidecar_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_sidecar_v1_WatchResponse__Output>;
  
}

export interface SidecarServiceHandlers extends grpc.UntypedServiceImplementation {
  Acquire: grpc.handleUnaryCall<_stint_sidecar_v1_AcquireRequest__Output, _stint_sidecar_v1_AcquireResponse>;
  
  GetStatus: grpc.handleUnaryCall<_stint_sidecar_v1_GetStatusRequest__Output, _stint_sidecar_v1_GetStatusResponse>;
  
  List: grpc.handleUnaryCall<_stint_sidecar_v1_ListRequest__Output, _stint_sidecar_v1_ListResponse>;
  
  Release: grpc.handleUnaryCall<_stint_sidecar_v1_ReleaseRequest__Output, _stint_sidecar_v1_ReleaseResponse>;
  
  Renew: grpc.handleUnaryCall<_stint_sidecar_v1_RenewRequest__Output, _stint_sidecar_v1_RenewResponse>;
  
  Verify: grpc.handleUnaryCall<_stint_sidecar_v1_VerifyRequest__Output, _stint_sidecar_v1_VerifyResponse>;
  
  Watch: grpc.handleServerStreamingCall<_stint_sidecar_v1_WatchRequest__Output, _stint_sidecar_v1_WatchResponse>;
  
}

export interface SidecarServiceDefinition extends grpc.ServiceDefinition {
  Acquire: MethodDefinition<_stint_sidecar_v1_AcquireRequest, _stint_sidecar_v1_AcquireResponse, _stint_sidecar_v1_AcquireRequest__Output, _stint_sidecar_v1_AcquireResponse__Output>
  GetStatus: MethodDefinition<_stint_sidecar_v1_GetStatusRequest, _stint_sidecar_v1_GetStatusResponse, _stint_sidecar_v1_GetStatusRequest__Output, _stint_sidecar_v1_GetStatusResponse__Output>
  List: MethodDefinition<_stint_sidecar_v1_ListRequest, _stint_sidecar_v1_ListResponse, _stint_sidecar_v1_ListRequest__Output, _stint_sidecar_v1_ListResponse__Output>
  Release: MethodDefinition<_stint_sidecar_v1_ReleaseRequest, _stint_sidecar_v1_ReleaseResponse, _stint_sidecar_v1_ReleaseRequest__Output, _stint_sidecar_v1_ReleaseResponse__Output>
  Renew: MethodDefinition<_stint_sidecar_v1_RenewRequest, _stint_sidecar_v1_RenewResponse, _stint_sidecar_v1_RenewRequest__Output, _stint_sidecar_v1_RenewResponse__Output>
  Verify: MethodDefinition<_stint_sidecar_v1_VerifyRequest, _stint_sidecar_v1_VerifyResponse, _stint_sidecar_v1_VerifyRequest__Output, _stint_sidecar_v1_VerifyResponse__Output>
  Watch: MethodDefinition<_stint_sidecar_v1_WatchRequest, _stint_sidecar_v1_WatchResponse, _stint_sidecar_v1_WatchRequest__Output, _stint_sidecar_v1_WatchResponse__Output>
}
