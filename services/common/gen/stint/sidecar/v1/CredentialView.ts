// Original file: stint/sidecar/v1/session_view.proto

import type { PassedOver as _stint_sidecar_v1_PassedOver, PassedOver__Output as _stint_sidecar_v1_PassedOver__Output } from '../../../stint/sidecar/v1/PassedOver.ts';

export interface CredentialView {
  'token'?: (_stint_sidecar_v1_PassedOver | null);
  'database'?: (_stint_sidecar_v1_PassedOver | null);
  'kind'?: "token"|"database";
}

export interface CredentialView__Output {
  'token'?: (_stint_sidecar_v1_PassedOver__Output | null);
  'database'?: (_stint_sidecar_v1_PassedOver__Output | null);
  'kind'?: "token"|"database";
}
