// Original file: stint/broker/v1/admin_service.proto


export interface ListGrantsRequest {
  'spiffeId'?: (string);
  'resource'?: (string);
  'liveOnly'?: (boolean);
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListGrantsRequest__Output {
  'spiffeId': (string);
  'resource': (string);
  'liveOnly': (boolean);
  'pageSize': (number);
  'pageToken': (string);
}
