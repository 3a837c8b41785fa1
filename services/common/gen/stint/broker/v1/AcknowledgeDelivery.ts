// Original file: stint/broker/v1/access_service.proto


export interface AcknowledgeDelivery {
  'leaseId'?: (string);
}

export interface AcknowledgeDelivery__Output {
  'leaseId': (string);
}
