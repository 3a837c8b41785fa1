// Original file: stint/broker/v1/admin_service.proto


export interface GetGrantRequest {
  'grantId'?: (string);
}

export interface GetGrantRequest__Output {
  'grantId': (string);
}
