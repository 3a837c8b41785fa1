// Original file: stint/audit/v1/audit_admin_service.proto

import type { Gap as _stint_audit_v1_Gap, Gap__Output as _stint_audit_v1_Gap__Output } from '../../../stint/audit/v1/Gap.ts';

export interface ListGapsResponse {
  'gaps'?: (_stint_audit_v1_Gap)[];
}

export interface ListGapsResponse__Output {
  'gaps': (_stint_audit_v1_Gap__Output)[];
}
