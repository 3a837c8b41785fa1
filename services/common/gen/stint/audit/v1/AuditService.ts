// Original file: stint/audit/v1/audit_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetCheckpointRequest as _stint_audit_v1_GetCheckpointRequest, GetCheckpointRequest__Output as _stint_audit_v1_GetCheckpointRequest__Output } from '../../../stint/audit/v1/GetCheckpointRequest.ts';
import type { GetCheckpointResponse as _stint_audit_v1_GetCheckpointResponse, GetCheckpointResponse__Output as _stint_audit_v1_GetCheckpointResponse__Output } from '../../../stint/audit/v1/GetCheckpointResponse.ts';
import type { GetConsistencyProofRequest as _stint_audit_v1_GetConsistencyProofRequest, GetConsistencyProofRequest__Output as _stint_audit_v1_GetConsistencyProofRequest__Output } from '../../../stint/audit/v1/GetConsistencyProofRequest.ts';
import type { GetConsistencyProofResponse as _stint_audit_v1_GetConsistencyProofResponse, GetConsistencyProofResponse__Output as _stint_audit_v1_GetConsistencyProofResponse__Output } from '../../../stint/audit/v1/GetConsistencyProofResponse.ts';
import type { GetInclusionProofRequest as _stint_audit_v1_GetInclusionProofRequest, GetInclusionProofRequest__Output as _stint_audit_v1_GetInclusionProofRequest__Output } from '../../../stint/audit/v1/GetInclusionProofRequest.ts';
import type { GetInclusionProofResponse as _stint_audit_v1_GetInclusionProofResponse, GetInclusionProofResponse__Output as _stint_audit_v1_GetInclusionProofResponse__Output } from '../../../stint/audit/v1/GetInclusionProofResponse.ts';
import type { GetStatusRequest as _stint_audit_v1_GetStatusRequest, GetStatusRequest__Output as _stint_audit_v1_GetStatusRequest__Output } from '../../../stint/audit/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_audit_v1_GetStatusResponse, GetStatusResponse__Output as _stint_audit_v1_GetStatusResponse__Output } from '../../../stint/audit/v1/GetStatusResponse.ts';
import type { ListRecordsRequest as _stint_audit_v1_ListRecordsRequest, ListRecordsRequest__Output as _stint_audit_v1_ListRecordsRequest__Output } from '../../../stint/audit/v1/ListRecordsRequest.ts';
import type { ListRecordsResponse as _stint_audit_v1_ListRecordsResponse, ListRecordsResponse__Output as _stint_audit_v1_ListRecordsResponse__Output } from '../../../stint/audit/v1/ListRecordsResponse.ts';
import type { TailRecordsRequest as _stint_audit_v1_TailRecordsRequest, TailRecordsRequest__Output as _stint_audit_v1_TailRecordsRequest__Output } from '../../../stint/audit/v1/TailRecordsRequest.ts';
import type { TailRecordsResponse as _stint_audit_v1_TailRecordsResponse, TailRecordsResponse__Output as _stint_audit_v1_TailRecordsResponse__Output } from '../../../stint/audit/v1/TailRecordsResponse.ts';

export interface AuditServiceClient extends grpc.Client {
  GetCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  GetCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  GetCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  GetCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  getCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  getCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  getCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  getCheckpoint(argument: _stint_audit_v1_GetCheckpointRequest, callback: grpc.requestCallback<_stint_audit_v1_GetCheckpointResponse__Output>): grpc.ClientUnaryCall;
  
  GetConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  GetConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  GetConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  GetConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  getConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  getConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  getConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  getConsistencyProof(argument: _stint_audit_v1_GetConsistencyProofRequest, callback: grpc.requestCallback<_stint_audit_v1_GetConsistencyProofResponse__Output>): grpc.ClientUnaryCall;
  
  GetInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  GetInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  GetInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  GetInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  getInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  getInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  getInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  getInclusionProof(argument: _stint_audit_v1_GetInclusionProofRequest, callback: grpc.requestCallback<_stint_audit_v1_GetInclusionProofResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _stint_audit_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_audit_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_audit_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _stint_audit_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_audit_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_audit_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_audit_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _stint_audit_v1_GetStatusRequest, callback: grpc.requestCallback<_stint_audit_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  ListRecords(argument: _stint_audit_v1_ListRecordsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRecords(argument: _stint_audit_v1_ListRecordsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRecords(argument: _stint_audit_v1_ListRecordsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRecords(argument: _stint_audit_v1_ListRecordsRequest, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRecords(argument: _stint_audit_v1_ListRecordsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRecords(argument: _stint_audit_v1_ListRecordsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRecords(argument: _stint_audit_v1_ListRecordsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRecords(argument: _stint_audit_v1_ListRecordsRequest, callback: grpc.requestCallback<_stint_audit_v1_ListRecordsResponse__Output>): grpc.ClientUnaryCall;
  
  TailRecords(argument: _stint_audit_v1_TailRecordsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_audit_v1_TailRecordsResponse__Output>;
  TailRecords(argument: _stint_audit_v1_TailRecordsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_audit_v1_TailRecordsResponse__Output>;
  tailRecords(argument: _stint_audit_v1_TailRecordsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_audit_v1_TailRecordsResponse__Output>;
  tailRecords(argument: _stint_audit_v1_TailRecordsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stint_audit_v1_TailRecordsResponse__Output>;
  
}

export interface AuditServiceHandlers extends grpc.UntypedServiceImplementation {
  GetCheckpoint: grpc.handleUnaryCall<_stint_audit_v1_GetCheckpointRequest__Output, _stint_audit_v1_GetCheckpointResponse>;
  
  GetConsistencyProof: grpc.handleUnaryCall<_stint_audit_v1_GetConsistencyProofRequest__Output, _stint_audit_v1_GetConsistencyProofResponse>;
  
  GetInclusionProof: grpc.handleUnaryCall<_stint_audit_v1_GetInclusionProofRequest__Output, _stint_audit_v1_GetInclusionProofResponse>;
  
  GetStatus: grpc.handleUnaryCall<_stint_audit_v1_GetStatusRequest__Output, _stint_audit_v1_GetStatusResponse>;
  
  ListRecords: grpc.handleUnaryCall<_stint_audit_v1_ListRecordsRequest__Output, _stint_audit_v1_ListRecordsResponse>;
  
  TailRecords: grpc.handleServerStreamingCall<_stint_audit_v1_TailRecordsRequest__Output, _stint_audit_v1_TailRecordsResponse>;
  
}

export interface AuditServiceDefinition extends grpc.ServiceDefinition {
  GetCheckpoint: MethodDefinition<_stint_audit_v1_GetCheckpointRequest, _stint_audit_v1_GetCheckpointResponse, _stint_audit_v1_GetCheckpointRequest__Output, _stint_audit_v1_GetCheckpointResponse__Output>
  GetConsistencyProof: MethodDefinition<_stint_audit_v1_GetConsistencyProofRequest, _stint_audit_v1_GetConsistencyProofResponse, _stint_audit_v1_GetConsistencyProofRequest__Output, _stint_audit_v1_GetConsistencyProofResponse__Output>
  GetInclusionProof: MethodDefinition<_stint_audit_v1_GetInclusionProofRequest, _stint_audit_v1_GetInclusionProofResponse, _stint_audit_v1_GetInclusionProofRequest__Output, _stint_audit_v1_GetInclusionProofResponse__Output>
  GetStatus: MethodDefinition<_stint_audit_v1_GetStatusRequest, _stint_audit_v1_GetStatusResponse, _stint_audit_v1_GetStatusRequest__Output, _stint_audit_v1_GetStatusResponse__Output>
  ListRecords: MethodDefinition<_stint_audit_v1_ListRecordsRequest, _stint_audit_v1_ListRecordsResponse, _stint_audit_v1_ListRecordsRequest__Output, _stint_audit_v1_ListRecordsResponse__Output>
  TailRecords: MethodDefinition<_stint_audit_v1_TailRecordsRequest, _stint_audit_v1_TailRecordsResponse, _stint_audit_v1_TailRecordsRequest__Output, _stint_audit_v1_TailRecordsResponse__Output>
}
