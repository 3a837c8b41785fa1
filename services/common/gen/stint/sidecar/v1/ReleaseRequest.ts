// Original file: stint/sidecar/v1/sidecar_service.proto


export interface ReleaseRequest {
  'grantId'?: (string);
  'sessionId'?: (string);
  'waitContained'?: (boolean);
}

export interface ReleaseRequest__Output {
  'grantId': (string);
  'sessionId': (string);
  'waitContained': (boolean);
}
