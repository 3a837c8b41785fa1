// Original file: stint/sidecar/v1/session_view.proto

import type { MessageView as _stint_sidecar_v1_MessageView, MessageView__Output as _stint_sidecar_v1_MessageView__Output } from '../../../stint/sidecar/v1/MessageView.ts';

export interface SessionView {
  'messages'?: (_stint_sidecar_v1_MessageView)[];
}

export interface SessionView__Output {
  'messages': (_stint_sidecar_v1_MessageView__Output)[];
}
