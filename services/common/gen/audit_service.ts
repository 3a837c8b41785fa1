import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { AuditServiceClient as _stint_audit_v1_AuditServiceClient, AuditServiceDefinition as _stint_audit_v1_AuditServiceDefinition } from './stint/audit/v1/AuditService.ts';
import type { GetCheckpointRequest as _stint_audit_v1_GetCheckpointRequest, GetCheckpointRequest__Output as _stint_audit_v1_GetCheckpointRequest__Output } from './stint/audit/v1/GetCheckpointRequest.ts';
import type { GetCheckpointResponse as _stint_audit_v1_GetCheckpointResponse, GetCheckpointResponse__Output as _stint_audit_v1_GetCheckpointResponse__Output } from './stint/audit/v1/GetCheckpointResponse.ts';
import type { GetConsistencyProofRequest as _stint_audit_v1_GetConsistencyProofRequest, GetConsistencyProofRequest__Output as _stint_audit_v1_GetConsistencyProofRequest__Output } from './stint/audit/v1/GetConsistencyProofRequest.ts';
import type { GetConsistencyProofResponse as _stint_audit_v1_GetConsistencyProofResponse, GetConsistencyProofResponse__Output as _stint_audit_v1_GetConsistencyProofResponse__Output } from './stint/audit/v1/GetConsistencyProofResponse.ts';
import type { GetInclusionProofRequest as _stint_audit_v1_GetInclusionProofRequest, GetInclusionProofRequest__Output as _stint_audit_v1_GetInclusionProofRequest__Output } from './stint/audit/v1/GetInclusionProofRequest.ts';
import type { GetInclusionProofResponse as _stint_audit_v1_GetInclusionProofResponse, GetInclusionProofResponse__Output as _stint_audit_v1_GetInclusionProofResponse__Output } from './stint/audit/v1/GetInclusionProofResponse.ts';
import type { GetStatusRequest as _stint_audit_v1_GetStatusRequest, GetStatusRequest__Output as _stint_audit_v1_GetStatusRequest__Output } from './stint/audit/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _stint_audit_v1_GetStatusResponse, GetStatusResponse__Output as _stint_audit_v1_GetStatusResponse__Output } from './stint/audit/v1/GetStatusResponse.ts';
import type { ListRecordsRequest as _stint_audit_v1_ListRecordsRequest, ListRecordsRequest__Output as _stint_audit_v1_ListRecordsRequest__Output } from './stint/audit/v1/ListRecordsRequest.ts';
import type { ListRecordsResponse as _stint_audit_v1_ListRecordsResponse, ListRecordsResponse__Output as _stint_audit_v1_ListRecordsResponse__Output } from './stint/audit/v1/ListRecordsResponse.ts';
import type { Record as _stint_audit_v1_Record, Record__Output as _stint_audit_v1_Record__Output } from './stint/audit/v1/Record.ts';
import type { SourceStatus as _stint_audit_v1_SourceStatus, SourceStatus__Output as _stint_audit_v1_SourceStatus__Output } from './stint/audit/v1/SourceStatus.ts';
import type { TailRecordsRequest as _stint_audit_v1_TailRecordsRequest, TailRecordsRequest__Output as _stint_audit_v1_TailRecordsRequest__Output } from './stint/audit/v1/TailRecordsRequest.ts';
import type { TailRecordsResponse as _stint_audit_v1_TailRecordsResponse, TailRecordsResponse__Output as _stint_audit_v1_TailRecordsResponse__Output } from './stint/audit/v1/TailRecordsResponse.ts';

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
    audit: {
      v1: {
        AuditService: SubtypeConstructor<typeof grpc.Client, _stint_audit_v1_AuditServiceClient> & { service: _stint_audit_v1_AuditServiceDefinition }
        GetCheckpointRequest: MessageTypeDefinition<_stint_audit_v1_GetCheckpointRequest, _stint_audit_v1_GetCheckpointRequest__Output>
        GetCheckpointResponse: MessageTypeDefinition<_stint_audit_v1_GetCheckpointResponse, _stint_audit_v1_GetCheckpointResponse__Output>
        GetConsistencyProofRequest: MessageTypeDefinition<_stint_audit_v1_GetConsistencyProofRequest, _stint_audit_v1_GetConsistencyProofRequest__Output>
        GetConsistencyProofResponse: MessageTypeDefinition<_stint_audit_v1_GetConsistencyProofResponse, _stint_audit_v1_GetConsistencyProofResponse__Output>
        GetInclusionProofRequest: MessageTypeDefinition<_stint_audit_v1_GetInclusionProofRequest, _stint_audit_v1_GetInclusionProofRequest__Output>
        GetInclusionProofResponse: MessageTypeDefinition<_stint_audit_v1_GetInclusionProofResponse, _stint_audit_v1_GetInclusionProofResponse__Output>
        GetStatusRequest: MessageTypeDefinition<_stint_audit_v1_GetStatusRequest, _stint_audit_v1_GetStatusRequest__Output>
        GetStatusResponse: MessageTypeDefinition<_stint_audit_v1_GetStatusResponse, _stint_audit_v1_GetStatusResponse__Output>
        ListRecordsRequest: MessageTypeDefinition<_stint_audit_v1_ListRecordsRequest, _stint_audit_v1_ListRecordsRequest__Output>
        ListRecordsResponse: MessageTypeDefinition<_stint_audit_v1_ListRecordsResponse, _stint_audit_v1_ListRecordsResponse__Output>
        Record: MessageTypeDefinition<_stint_audit_v1_Record, _stint_audit_v1_Record__Output>
        SourceStatus: MessageTypeDefinition<_stint_audit_v1_SourceStatus, _stint_audit_v1_SourceStatus__Output>
        TailRecordsRequest: MessageTypeDefinition<_stint_audit_v1_TailRecordsRequest, _stint_audit_v1_TailRecordsRequest__Output>
        TailRecordsResponse: MessageTypeDefinition<_stint_audit_v1_TailRecordsResponse, _stint_audit_v1_TailRecordsResponse__Output>
      }
    }
  }
}

