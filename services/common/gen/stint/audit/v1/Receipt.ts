// Original file: stint/audit/v1/batch.proto


export interface Receipt {
  'note'?: (string);
}

export interface Receipt__Output {
  'note': (string);
}
