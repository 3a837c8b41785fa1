import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ResourceSpans as _stint_dev_v1_ResourceSpans, ResourceSpans__Output as _stint_dev_v1_ResourceSpans__Output } from './stint/dev/v1/ResourceSpans.ts';
import type { ScopeSpans as _stint_dev_v1_ScopeSpans, ScopeSpans__Output as _stint_dev_v1_ScopeSpans__Output } from './stint/dev/v1/ScopeSpans.ts';
import type { SpanAttribute as _stint_dev_v1_SpanAttribute, SpanAttribute__Output as _stint_dev_v1_SpanAttribute__Output } from './stint/dev/v1/SpanAttribute.ts';
import type { SpanAttributeValue as _stint_dev_v1_SpanAttributeValue, SpanAttributeValue__Output as _stint_dev_v1_SpanAttributeValue__Output } from './stint/dev/v1/SpanAttributeValue.ts';
import type { SpanResource as _stint_dev_v1_SpanResource, SpanResource__Output as _stint_dev_v1_SpanResource__Output } from './stint/dev/v1/SpanResource.ts';
import type { SpanStatus as _stint_dev_v1_SpanStatus, SpanStatus__Output as _stint_dev_v1_SpanStatus__Output } from './stint/dev/v1/SpanStatus.ts';
import type { TraceSpan as _stint_dev_v1_TraceSpan, TraceSpan__Output as _stint_dev_v1_TraceSpan__Output } from './stint/dev/v1/TraceSpan.ts';
import type { TracesExport as _stint_dev_v1_TracesExport, TracesExport__Output as _stint_dev_v1_TracesExport__Output } from './stint/dev/v1/TracesExport.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  stint: {
    dev: {
      v1: {
        ResourceSpans: MessageTypeDefinition<_stint_dev_v1_ResourceSpans, _stint_dev_v1_ResourceSpans__Output>
        ScopeSpans: MessageTypeDefinition<_stint_dev_v1_ScopeSpans, _stint_dev_v1_ScopeSpans__Output>
        SpanAttribute: MessageTypeDefinition<_stint_dev_v1_SpanAttribute, _stint_dev_v1_SpanAttribute__Output>
        SpanAttributeValue: MessageTypeDefinition<_stint_dev_v1_SpanAttributeValue, _stint_dev_v1_SpanAttributeValue__Output>
        SpanResource: MessageTypeDefinition<_stint_dev_v1_SpanResource, _stint_dev_v1_SpanResource__Output>
        SpanStatus: MessageTypeDefinition<_stint_dev_v1_SpanStatus, _stint_dev_v1_SpanStatus__Output>
        TraceSpan: MessageTypeDefinition<_stint_dev_v1_TraceSpan, _stint_dev_v1_TraceSpan__Output>
        TracesExport: MessageTypeDefinition<_stint_dev_v1_TracesExport, _stint_dev_v1_TracesExport__Output>
      }
    }
  }
}

