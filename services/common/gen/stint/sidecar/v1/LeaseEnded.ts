// Original file: stint/sidecar/v1/sidecar_service.proto


export interface LeaseEnded {
  'leaseId'?: (string);
  'grantId'?: (string);
  'reason'?: (string);
}

export interface LeaseEnded__Output {
  'leaseId': (string);
  'grantId': (string);
  'reason': (string);
}
