// Original file: stint/broker/v1/access_service.proto

import type { Long } from '@grpc/proto-loader';

export interface TrustBundle {
  'sequence'?: (number | string | Long);
  'x509Authorities'?: (Buffer | Uint8Array | string)[];
  'jwks'?: (string);
  'issuer'?: (string);
}

export interface TrustBundle__Output {
  'sequence': (number);
  'x509Authorities': (Buffer)[];
  'jwks': (string);
  'issuer': (string);
}
