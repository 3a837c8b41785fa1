// Original file: stint/broker/v1/access_service.proto


export interface Alive {
}

export interface Alive__Output {
}
