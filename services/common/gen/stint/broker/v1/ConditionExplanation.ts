// Original file: stint/broker/v1/admin_service.proto


export interface ConditionExplanation {
  'text'?: (string);
  'outcome'?: (string);
}

export interface ConditionExplanation__Output {
  'text': (string);
  'outcome': (string);
}
