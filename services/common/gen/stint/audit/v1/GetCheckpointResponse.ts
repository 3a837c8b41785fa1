// Original file: stint/audit/v1/audit_service.proto


export interface GetCheckpointResponse {
  'checkpoint'?: (string);
  'verifierKey'?: (string);
}

export interface GetCheckpointResponse__Output {
  'checkpoint': (string);
  'verifierKey': (string);
}
