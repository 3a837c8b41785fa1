// Original file: stint/broker/v1/access_service.proto


export interface CompleteGrantRequest {
  'grantId'?: (string);
  'reason'?: (string);
  'waitContained'?: (boolean);
}

export interface CompleteGrantRequest__Output {
  'grantId': (string);
  'reason': (string);
  'waitContained': (boolean);
}
