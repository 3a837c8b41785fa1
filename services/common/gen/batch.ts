import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Receipt as _stint_audit_v1_Receipt, Receipt__Output as _stint_audit_v1_Receipt__Output } from './stint/audit/v1/Receipt.ts';
import type { SignedBatch as _stint_audit_v1_SignedBatch, SignedBatch__Output as _stint_audit_v1_SignedBatch__Output } from './stint/audit/v1/SignedBatch.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  stint: {
    audit: {
      v1: {
        Receipt: MessageTypeDefinition<_stint_audit_v1_Receipt, _stint_audit_v1_Receipt__Output>
        SignedBatch: MessageTypeDefinition<_stint_audit_v1_SignedBatch, _stint_audit_v1_SignedBatch__Output>
      }
    }
  }
}

