// Original file: stint/dev/v1/otlp.proto

import type { SpanResource as _stint_dev_v1_SpanResource, SpanResource__Output as _stint_dev_v1_SpanResource__Output } from '../../../stint/dev/v1/SpanResource.ts';
import type { ScopeSpans as _stint_dev_v1_ScopeSpans, ScopeSpans__Output as _stint_dev_v1_ScopeSpans__Output } from '../../../stint/dev/v1/ScopeSpans.ts';

export interface ResourceSpans {
  'resource'?: (_stint_dev_v1_SpanResource | null);
  'scopeSpans'?: (_stint_dev_v1_ScopeSpans)[];
}

export interface ResourceSpans__Output {
  'resource': (_stint_dev_v1_SpanResource__Output | null);
  'scopeSpans': (_stint_dev_v1_ScopeSpans__Output)[];
}
