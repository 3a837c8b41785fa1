// Original file: stint/broker/v1/admin_service.proto


export interface IdentityInfo {
  'spiffeId'?: (string);
  'kind'?: (string);
  'owner'?: (string);
  'environment'?: (string);
  'roles'?: (string)[];
  'state'?: (string);
}

export interface IdentityInfo__Output {
  'spiffeId': (string);
  'kind': (string);
  'owner': (string);
  'environment': (string);
  'roles': (string)[];
  'state': (string);
}
