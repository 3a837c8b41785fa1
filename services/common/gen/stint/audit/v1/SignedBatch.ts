// Original file: stint/audit/v1/batch.proto


export interface SignedBatch {
  'header'?: (Buffer | Uint8Array | string);
  'signature'?: (Buffer | Uint8Array | string);
  'events'?: (Buffer | Uint8Array | string)[];
}

export interface SignedBatch__Output {
  'header': (Buffer);
  'signature': (Buffer);
  'events': (Buffer)[];
}
