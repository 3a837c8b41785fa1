// Original file: stint/sidecar/v1/sidecar_service.proto


export interface ListRequest {
  'pageToken'?: (string);
}

export interface ListRequest__Output {
  'pageToken': (string);
}
