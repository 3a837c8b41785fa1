// Original file: stint/audit/v1/audit_admin_service.proto


export interface ListGapsRequest {
}

export interface ListGapsRequest__Output {
}
