// Original file: stint/audit/v1/audit_service.proto

import type { Record as _stint_audit_v1_Record, Record__Output as _stint_audit_v1_Record__Output } from '../../../stint/audit/v1/Record.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListRecordsResponse {
  'records'?: (_stint_audit_v1_Record)[];
  'nextIndex'?: (number | string | Long);
  '_nextIndex'?: "nextIndex";
}

export interface ListRecordsResponse__Output {
  'records': (_stint_audit_v1_Record__Output)[];
  'nextIndex'?: (number);
  '_nextIndex'?: "nextIndex";
}
