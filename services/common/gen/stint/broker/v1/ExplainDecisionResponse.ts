// Original file: stint/broker/v1/admin_service.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../../google/protobuf/Duration.ts';
import type { RuleExplanation as _stint_broker_v1_RuleExplanation, RuleExplanation__Output as _stint_broker_v1_RuleExplanation__Output } from '../../../stint/broker/v1/RuleExplanation.ts';

export interface ExplainDecisionResponse {
  'decision'?: (string);
  'ruleIds'?: (string)[];
  'denyReasons'?: (string)[];
  'ttlMax'?: (_google_protobuf_Duration | null);
  'nearest'?: (_stint_broker_v1_RuleExplanation)[];
  'policySha256'?: (string);
}

export interface ExplainDecisionResponse__Output {
  'decision': (string);
  'ruleIds': (string)[];
  'denyReasons': (string)[];
  'ttlMax': (_google_protobuf_Duration__Output | null);
  'nearest': (_stint_broker_v1_RuleExplanation__Output)[];
  'policySha256': (string);
}
