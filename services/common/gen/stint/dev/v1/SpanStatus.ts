// Original file: stint/dev/v1/otlp.proto


export interface SpanStatus {
  'code'?: (number);
}

export interface SpanStatus__Output {
  'code': (number);
}
