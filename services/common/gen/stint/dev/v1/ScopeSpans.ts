// Original file: stint/dev/v1/otlp.proto

import type { TraceSpan as _stint_dev_v1_TraceSpan, TraceSpan__Output as _stint_dev_v1_TraceSpan__Output } from '../../../stint/dev/v1/TraceSpan.ts';

export interface ScopeSpans {
  'spans'?: (_stint_dev_v1_TraceSpan)[];
}

export interface ScopeSpans__Output {
  'spans': (_stint_dev_v1_TraceSpan__Output)[];
}
