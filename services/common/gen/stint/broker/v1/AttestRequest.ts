// Original file: stint/broker/v1/attestation_service.proto


export interface AttestRequest {
  'joinToken'?: (string);
  'csr'?: (Buffer | Uint8Array | string);
  'proof'?: "joinToken";
}

export interface AttestRequest__Output {
  'joinToken'?: (string);
  'csr': (Buffer);
  'proof'?: "joinToken";
}
