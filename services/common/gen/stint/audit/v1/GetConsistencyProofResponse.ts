// Original file: stint/audit/v1/audit_service.proto


export interface GetConsistencyProofResponse {
  'hashes'?: (Buffer | Uint8Array | string)[];
  'checkpoint'?: (string);
}

export interface GetConsistencyProofResponse__Output {
  'hashes': (Buffer)[];
  'checkpoint': (string);
}
