// Original file: stint/audit/v1/audit_admin_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DismissQuarantinedRequest as _stint_audit_v1_DismissQuarantinedRequest, DismissQuarantinedRequest__Output as _stint_audit_v1_DismissQuarantinedRequest__Output } from '../../../stint/audit/v1/DismissQuarantinedRequest.ts';
import type { DismissQuarantinedResponse as _stint_audit_v1_DismissQuarantinedResponse, DismissQuarantinedResponse__Output as _stint_audit_v1_DismissQuarantinedResponse__Output } from '../../../stint/audit/v1/DismissQuarantinedResponse.ts';
import type { GetQuarantinedRequest as _stint_audit_v1_GetQuarantinedRequest, GetQuarantinedRequest__Output as _stint_audit_v1_GetQuarantinedRequest__Output } from '../../../stint/audit/v1/GetQuarantinedRequest.ts';
import type { GetQuarantinedResponse as _stint_audit_v1_GetQuarantinedResponse, GetQuarantinedResponse__Output as _stint_audit_v1_GetQuarantinedResponse__Output } from '../../../stint/audit/v1/GetQuarantinedResponse.ts';
import type { ListGapsRequest as _stint_audit_v1_ListGapsRequest, ListGapsRequest__Output as _stint_audit_v1_ListGapsRequest__Output } from '../../../stint/audit/v1/ListGapsRequest.ts';
import type { ListGapsResponse as _stint_audit_v1_ListGapsResponse, ListGapsResponse__Output as _stint_audit_v1_ListGapsResponse__Output } from '../../../stint/audit/v1/ListGapsResponse.ts';
import type { ListQuarantineRequest as _stint_audit_v1_ListQuarantineRequest, ListQuarantineRequest__Output as _stint_audit_v1_ListQuarantineRequest__Output } from '../../../stint/audit/v1/ListQuarantineRequest.ts';
import type { ListQuarantineResponse as _stint_audit_v1_ListQuarantineResponse, ListQuarantineResponse__Output as _stint_audit_v1_ListQuarantineResponse__Output } from '../../../stint/audit/v1/ListQuarantineResponse.ts';
import type { SkipGapRequest as _stint_audit_v1_SkipGapRequest, SkipGapRequest__Output as _stint_audit_v1_SkipGapRequest__Output } from '../../../stint/audit/v1/SkipGapRequest.ts';
import type { SkipGapResponse as _stint_audit_v1_SkipGapResponse, SkipGapResponse__Output as _stint_audit_v1_SkipGapResponse__Output } from '../../../stint/audit/v1/SkipGapResponse.ts';

export interface AuditAdminServiceClient extends grpc.Client {
  DismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  DismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  DismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  DismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  dismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  dismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  dismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  dismissQuarantined(argument: _stint_audit_v1_DismissQuarantinedRequest, callback: grpc.requestCallback<_stint_audit_v1_DismissQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  
  GetQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  GetQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  GetQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  GetQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  getQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  getQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  getQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  getQuarantined(argument: _stint_audit_v1_GetQuarantinedRequest, callback: grpc.requestCallback<_stint_audit_v1_GetQuarantinedResponse__Output>): grpc.ClientUnaryCall;
  
  ListGaps(argument: _stint_audit_v1_ListGapsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  ListGaps(argument: _stint_audit_v1_ListGapsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  ListGaps(argument: _stint_audit_v1_ListGapsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  ListGaps(argument: _stint_audit_v1_ListGapsRequest, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  listGaps(argument: _stint_audit_v1_ListGapsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  listGaps(argument: _stint_audit_v1_ListGapsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  listGaps(argument: _stint_audit_v1_ListGapsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  listGaps(argument: _stint_audit_v1_ListGapsRequest, callback: grpc.requestCallback<_stint_audit_v1_ListGapsResponse__Output>): grpc.ClientUnaryCall;
  
  ListQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  ListQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  ListQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  ListQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  listQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  listQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  listQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  listQuarantine(argument: _stint_audit_v1_ListQuarantineRequest, callback: grpc.requestCallback<_stint_audit_v1_ListQuarantineResponse__Output>): grpc.ClientUnaryCall;
  
  SkipGap(argument: _stint_audit_v1_SkipGapRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  SkipGap(argument: _stint_audit_v1_SkipGapRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  SkipGap(argument: _stint_audit_v1_SkipGapRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  SkipGap(argument: _stint_audit_v1_SkipGapRequest, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  skipGap(argument: _stint_audit_v1_SkipGapRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  skipGap(argument: _stint_audit_v1_SkipGapRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  skipGap(argument: _stint_audit_v1_SkipGapRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  skipGap(argument: _stint_audit_v1_SkipGapRequest, callback: grpc.requestCallback<_stint_audit_v1_SkipGapResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AuditAdminServiceHandlers extends grpc.UntypedServiceImplementation {
  DismissQuarantined: grpc.handleUnaryCall<_stint_audit_v1_DismissQuarantinedRequest__Output, _stint_audit_v1_DismissQuarantinedResponse>;
  
  GetQuarantined: grpc.handleUnaryCall<_stint_audit_v1_GetQuarantinedRequest__Output, _stint_audit_v1_GetQuarantinedResponse>;
  
  ListGaps: grpc.handleUnaryCall<_stint_audit_v1_ListGapsRequest__Output, _stint_audit_v1_ListGapsResponse>;
  
  ListQuarantine: grpc.handleUnaryCall<_stint_audit_v1_ListQuarantineRequest__Output, _stint_audit_v1_ListQuarantineResponse>;
  
  SkipGap: grpc.handleUnaryCall<_stint_audit_v1_SkipGapRequest__Output, _stint_audit_v1_SkipGapResponse>;
  
}

export interface AuditAdminServiceDefinition extends grpc.ServiceDefinition {
  DismissQuarantined: MethodDefinition<_stint_audit_v1_DismissQuarantinedRequest, _stint_audit_v1_DismissQuarantinedResponse, _stint_audit_v1_DismissQuarantinedRequest__Output, _stint_audit_v1_DismissQuarantinedResponse__Output>
  GetQuarantined: MethodDefinition<_stint_audit_v1_GetQuarantinedRequest, _stint_audit_v1_GetQuarantinedResponse, _stint_audit_v1_GetQuarantinedRequest__Output, _stint_audit_v1_GetQuarantinedResponse__Output>
  ListGaps: MethodDefinition<_stint_audit_v1_ListGapsRequest, _stint_audit_v1_ListGapsResponse, _stint_audit_v1_ListGapsRequest__Output, _stint_audit_v1_ListGapsResponse__Output>
  ListQuarantine: MethodDefinition<_stint_audit_v1_ListQuarantineRequest, _stint_audit_v1_ListQuarantineResponse, _stint_audit_v1_ListQuarantineRequest__Output, _stint_audit_v1_ListQuarantineResponse__Output>
  SkipGap: MethodDefinition<_stint_audit_v1_SkipGapRequest, _stint_audit_v1_SkipGapResponse, _stint_audit_v1_SkipGapRequest__Output, _stint_audit_v1_SkipGapResponse__Output>
}
