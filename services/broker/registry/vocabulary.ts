/**
 * The names that rules may use. The registry declares them, so that a mistyped role or attribute is a fault at load
 * and not a rule that silently never matches.
 */
export type Vocabulary = {
  readonly environments: readonly string[];
  readonly roles: readonly string[];
  /** Attributes that attestation may prove; a rule reads `context.verified.<name>`. */
  readonly verified: readonly string[];
  /** Facts that a workload may declare; a rule reads `context.declared.<name>`. `justification` is always there. */
  readonly declared: readonly string[];
  /** Parameters of a request; a rule reads `context.parameters.<name>`. */
  readonly parameters: readonly string[];
  /** Every profile name of every resource: the actions. */
  readonly actions: readonly string[];
};
