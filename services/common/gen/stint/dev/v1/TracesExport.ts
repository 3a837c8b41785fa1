// Original file: stint/dev/v1/otlp.proto

import type { ResourceSpans as _stint_dev_v1_ResourceSpans, ResourceSpans__Output as _stint_dev_v1_ResourceSpans__Output } from '../../../stint/dev/v1/ResourceSpans.ts';

export interface TracesExport {
  'resourceSpans'?: (_stint_dev_v1_ResourceSpans)[];
}

export interface TracesExport__Output {
  'resourceSpans': (_stint_dev_v1_ResourceSpans__Output)[];
}
