// Original file: stint/sidecar/v1/sidecar_service.proto


export interface WatchRequest {
  'name'?: (string);
}

export interface WatchRequest__Output {
  'name': (string);
}
