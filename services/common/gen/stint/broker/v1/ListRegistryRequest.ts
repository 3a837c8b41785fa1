// Original file: stint/broker/v1/admin_service.proto


export interface ListRegistryRequest {
}

export interface ListRegistryRequest__Output {
}
