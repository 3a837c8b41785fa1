import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { AuditAdminServiceClient as _stint_audit_v1_AuditAdminServiceClient, AuditAdminServiceDefinition as _stint_audit_v1_AuditAdminServiceDefinition } from './stint/audit/v1/AuditAdminService.ts';
import type { DismissQuarantinedRequest as _stint_audit_v1_DismissQuarantinedRequest, DismissQuarantinedRequest__Output as _stint_audit_v1_DismissQuarantinedRequest__Output } from './stint/audit/v1/DismissQuarantinedRequest.ts';
import type { DismissQuarantinedResponse as _stint_audit_v1_DismissQuarantinedResponse, DismissQuarantinedResponse__Output as _stint_audit_v1_DismissQuarantinedResponse__Output } from './stint/audit/v1/DismissQuarantinedResponse.ts';
import type { Gap as _stint_audit_v1_Gap, Gap__Output as _stint_audit_v1_Gap__Output } from './stint/audit/v1/Gap.ts';
import type { GetQuarantinedRequest as _stint_audit_v1_GetQuarantinedRequest, GetQuarantinedRequest__Output as _stint_audit_v1_GetQuarantinedRequest__Output } from './stint/audit/v1/GetQuarantinedRequest.ts';
import type { GetQuarantinedResponse as _stint_audit_v1_GetQuarantinedResponse, GetQuarantinedResponse__Output as _stint_audit_v1_GetQuarantinedResponse__Output } from './stint/audit/v1/GetQuarantinedResponse.ts';
import type { ListGapsRequest as _stint_audit_v1_ListGapsRequest, ListGapsRequest__Output as _stint_audit_v1_ListGapsRequest__Output } from './stint/audit/v1/ListGapsRequest.ts';
import type { ListGapsResponse as _stint_audit_v1_ListGapsResponse, ListGapsResponse__Output as _stint_audit_v1_ListGapsResponse__Output } from './stint/audit/v1/ListGapsResponse.ts';
import type { ListQuarantineRequest as _stint_audit_v1_ListQuarantineRequest, ListQuarantineRequest__Output as _stint_audit_v1_ListQuarantineRequest__Output } from './stint/audit/v1/ListQuarantineRequest.ts';
import type { ListQuarantineResponse as _stint_audit_v1_ListQuarantineResponse, ListQuarantineResponse__Output as _stint_audit_v1_ListQuarantineResponse__Output } from './stint/audit/v1/ListQuarantineResponse.ts';
import type { QuarantinedMessage as _stint_audit_v1_QuarantinedMessage, QuarantinedMessage__Output as _stint_audit_v1_QuarantinedMessage__Output } from './stint/audit/v1/QuarantinedMessage.ts';
import type { SkipGapRequest as _stint_audit_v1_SkipGapRequest, SkipGapRequest__Output as _stint_audit_v1_SkipGapRequest__Output } from './stint/audit/v1/SkipGapRequest.ts';
import type { SkipGapResponse as _stint_audit_v1_SkipGapResponse, SkipGapResponse__Output as _stint_audit_v1_SkipGapResponse__Output } from './stint/audit/v1/SkipGapResponse.ts';

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
        AuditAdminService: SubtypeConstructor<typeof grpc.Client, _stint_audit_v1_AuditAdminServiceClient> & { service: _stint_audit_v1_AuditAdminServiceDefinition }
        DismissQuarantinedRequest: MessageTypeDefinition<_stint_audit_v1_DismissQuarantinedRequest, _stint_audit_v1_DismissQuarantinedRequest__Output>
        DismissQuarantinedResponse: MessageTypeDefinition<_stint_audit_v1_DismissQuarantinedResponse, _stint_audit_v1_DismissQuarantinedResponse__Output>
        Gap: MessageTypeDefinition<_stint_audit_v1_Gap, _stint_audit_v1_Gap__Output>
        GetQuarantinedRequest: MessageTypeDefinition<_stint_audit_v1_GetQuarantinedRequest, _stint_audit_v1_GetQuarantinedRequest__Output>
        GetQuarantinedResponse: MessageTypeDefinition<_stint_audit_v1_GetQuarantinedResponse, _stint_audit_v1_GetQuarantinedResponse__Output>
        ListGapsRequest: MessageTypeDefinition<_stint_audit_v1_ListGapsRequest, _stint_audit_v1_ListGapsRequest__Output>
        ListGapsResponse: MessageTypeDefinition<_stint_audit_v1_ListGapsResponse, _stint_audit_v1_ListGapsResponse__Output>
        ListQuarantineRequest: MessageTypeDefinition<_stint_audit_v1_ListQuarantineRequest, _stint_audit_v1_ListQuarantineRequest__Output>
        ListQuarantineResponse: MessageTypeDefinition<_stint_audit_v1_ListQuarantineResponse, _stint_audit_v1_ListQuarantineResponse__Output>
        QuarantinedMessage: MessageTypeDefinition<_stint_audit_v1_QuarantinedMessage, _stint_audit_v1_QuarantinedMessage__Output>
        SkipGapRequest: MessageTypeDefinition<_stint_audit_v1_SkipGapRequest, _stint_audit_v1_SkipGapRequest__Output>
        SkipGapResponse: MessageTypeDefinition<_stint_audit_v1_SkipGapResponse, _stint_audit_v1_SkipGapResponse__Output>
      }
    }
  }
}

