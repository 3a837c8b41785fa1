// Original file: stint/sidecar/v1/sidecar_service.proto


export interface ListRequest {
}

export interface ListRequest__Output {
}
