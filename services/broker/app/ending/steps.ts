/**
 * The numbered steps of a grant's life at which a crash leaves something behind, in the order in which they pass.
 * Each is named after what is true once it has passed.
 */
export const steps = [
  'signed',
  'signed_committed',
  'intent_committed',
  'created',
  'activated',
  'revoking_committed',
  'contained',
  'contained_committed',
  'removed',
  'removed_committed',
] as const;

export type Step = (typeof steps)[number];

/** Hears of every step as it passes: spans mark them, and fault tests stop the process at them. */
export type StepObserver = (step: Step) => void;
