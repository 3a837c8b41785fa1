// Original file: stint/broker/v1/admin_service.proto


export interface RevokeGrantRequest {
  'grantId'?: (string);
  'reason'?: (string);
  'waitContained'?: (boolean);
}

export interface RevokeGrantRequest__Output {
  'grantId': (string);
  'reason': (string);
  'waitContained': (boolean);
}
