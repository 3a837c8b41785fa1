// Original file: stint/broker/v1/admin_service.proto

import type { ConditionExplanation as _stint_broker_v1_ConditionExplanation, ConditionExplanation__Output as _stint_broker_v1_ConditionExplanation__Output } from '../../../stint/broker/v1/ConditionExplanation.ts';

export interface RuleExplanation {
  'ruleId'?: (string);
  'location'?: (string);
  'conditions'?: (_stint_broker_v1_ConditionExplanation)[];
}

export interface RuleExplanation__Output {
  'ruleId': (string);
  'location': (string);
  'conditions': (_stint_broker_v1_ConditionExplanation__Output)[];
}
