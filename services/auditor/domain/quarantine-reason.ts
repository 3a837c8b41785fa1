/** Why something that came over the bus was put aside. */
export type QuarantineReason =
  | 'malformed_message'
  | 'wrong_subject'
  | 'refused_epoch'
  | 'bad_signature'
  | 'malformed_event'
  | 'duplicate_event'
  | 'equivocation'
  /** Its place was skipped by an operator before it came. */
  | 'skipped';

/** Reasons that are given only to a batch whose signature has verified. */
export const signedReasons: readonly QuarantineReason[] = [
  'skipped',
  'equivocation',
  'malformed_event',
  'duplicate_event',
];
