// Original file: stint/sidecar/v1/sidecar_service.proto


export interface VerifyRequest {
  'token'?: (string);
  'audience'?: (string);
  'presenterSpiffeId'?: (string);
  'action'?: (string);
}

export interface VerifyRequest__Output {
  'token': (string);
  'audience': (string);
  'presenterSpiffeId': (string);
  'action': (string);
}
