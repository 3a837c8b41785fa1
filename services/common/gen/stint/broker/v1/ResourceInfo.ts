// Original file: stint/broker/v1/admin_service.proto


export interface ResourceInfo {
  'id'?: (string);
  'kind'?: (string);
  'owner'?: (string);
  'environment'?: (string);
  'labels'?: (string)[];
  'provider'?: (string);
  'actions'?: (string)[];
}

export interface ResourceInfo__Output {
  'id': (string);
  'kind': (string);
  'owner': (string);
  'environment': (string);
  'labels': (string)[];
  'provider': (string);
  'actions': (string)[];
}
