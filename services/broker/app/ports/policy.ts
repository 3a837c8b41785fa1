import type { Decision, Explanation, PolicyQuestion } from '../../domain/decision.ts';
import type { RegistrySnapshot } from '../../domain/registry.ts';

/** Answers questions by one bundle. Synchronous, no I/O, no clock of its own: same question, same answer. */
export interface PolicyEngine {
  /** Decides. Never throws: what cannot be decided is denied. */
  decide(question: PolicyQuestion): Decision;
  /** Decides and says how near the rules came that did not allow. Costs some 10 ms; for people, not for the hot path. */
  explain(question: PolicyQuestion): Explanation;
}

/** Registry and policy that were validated together and come into force together: swap all of it at once. */
export type Bundle = {
  readonly registry: RegistrySnapshot;
  readonly engine: PolicyEngine;
  /** Hash over the bundle's files, hex SHA-256. */
  readonly sha256: string;
  readonly policyCount: number;
};
