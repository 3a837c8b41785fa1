// Original file: stint/sidecar/v1/sidecar_service.proto


export interface GetStatusRequest {
}

export interface GetStatusRequest__Output {
}
