// Original file: stint/broker/v1/admin_service.proto


export interface ReloadPolicyRequest {
}

export interface ReloadPolicyRequest__Output {
}
