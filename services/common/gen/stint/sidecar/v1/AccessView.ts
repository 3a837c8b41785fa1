// Original file: stint/sidecar/v1/session_view.proto

import type { GrantView as _stint_sidecar_v1_GrantView, GrantView__Output as _stint_sidecar_v1_GrantView__Output } from '../../../stint/sidecar/v1/GrantView.ts';
import type { LeaseView as _stint_sidecar_v1_LeaseView, LeaseView__Output as _stint_sidecar_v1_LeaseView__Output } from '../../../stint/sidecar/v1/LeaseView.ts';
import type { CredentialView as _stint_sidecar_v1_CredentialView, CredentialView__Output as _stint_sidecar_v1_CredentialView__Output } from '../../../stint/sidecar/v1/CredentialView.ts';

export interface AccessView {
  'grant'?: (_stint_sidecar_v1_GrantView | null);
  'lease'?: (_stint_sidecar_v1_LeaseView | null);
  'credential'?: (_stint_sidecar_v1_CredentialView | null);
  'replayed'?: (boolean);
}

export interface AccessView__Output {
  'grant': (_stint_sidecar_v1_GrantView__Output | null);
  'lease': (_stint_sidecar_v1_LeaseView__Output | null);
  'credential': (_stint_sidecar_v1_CredentialView__Output | null);
  'replayed': (boolean);
}
