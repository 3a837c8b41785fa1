// Original file: stint/audit/v1/audit_service.proto


export interface GetStatusRequest {
}

export interface GetStatusRequest__Output {
}
