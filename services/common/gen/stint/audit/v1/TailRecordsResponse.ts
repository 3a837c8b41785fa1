// Original file: stint/audit/v1/audit_service.proto

import type { Record as _stint_audit_v1_Record, Record__Output as _stint_audit_v1_Record__Output } from '../../../stint/audit/v1/Record.ts';

export interface TailRecordsResponse {
  'records'?: (_stint_audit_v1_Record)[];
  'checkpoint'?: (string);
}

export interface TailRecordsResponse__Output {
  'records': (_stint_audit_v1_Record__Output)[];
  'checkpoint': (string);
}
