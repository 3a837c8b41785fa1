// Original file: stint/sidecar/v1/session_view.proto


export interface PassedOver {
}

export interface PassedOver__Output {
}
