// Original file: stint/broker/v1/admin_service.proto


export interface ReloadPolicyResponse {
  'policySha256'?: (string);
  'policies'?: (number);
  'grantsEnded'?: (number);
}

export interface ReloadPolicyResponse__Output {
  'policySha256': (string);
  'policies': (number);
  'grantsEnded': (number);
}
