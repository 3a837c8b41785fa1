// Original file: stint/broker/v1/attestation_service.proto


export interface RotateSvidRequest {
  'csr'?: (Buffer | Uint8Array | string);
}

export interface RotateSvidRequest__Output {
  'csr': (Buffer);
}
