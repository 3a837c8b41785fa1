// Original file: stint/broker/v1/access_service.proto


export interface TokenCredential {
  'token'?: (string);
  'tokenType'?: (string);
}

export interface TokenCredential__Output {
  'token': (string);
  'tokenType': (string);
}
