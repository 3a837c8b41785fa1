// Original file: stint/sidecar/v1/sidecar_service.proto


export interface SessionOpened {
  'sessionId'?: (string);
}

export interface SessionOpened__Output {
  'sessionId': (string);
}
