// Original file: stint/audit/v1/audit_service.proto

import type { Record as _stint_audit_v1_Record, Record__Output as _stint_audit_v1_Record__Output } from '../../../stint/audit/v1/Record.ts';

export interface GetInclusionProofResponse {
  'record'?: (_stint_audit_v1_Record | null);
  'hashes'?: (Buffer | Uint8Array | string)[];
  'checkpoint'?: (string);
}

export interface GetInclusionProofResponse__Output {
  'record': (_stint_audit_v1_Record__Output | null);
  'hashes': (Buffer)[];
  'checkpoint': (string);
}
