import type { UnixMs } from '@stint/common/time.ts';
import type { Identity, Profile, Resource } from './registry.ts';

/**
 * One identity asks for one action on one resource. Verified and declared facts never mix: a policy reads them under
 * different names, and only the broker fills `verified`.
 */
export type PolicyQuestion = {
  readonly identity: Identity;
  readonly resource: Resource;
  /** One of the resource's profiles. */
  readonly profile: Profile;
  /** The workload's own words. Attacker-controlled; sizes are checked where they enter. */
  readonly declared: {
    readonly justification: string;
    readonly context: Readonly<Record<string, string>>;
    readonly parameters: Readonly<Record<string, string>>;
  };
  /** Attributes that attestation proved. */
  readonly verified: Readonly<Record<string, string>>;
  readonly now: UnixMs;
};

/** Policy's answer. A rule that forbids wins over every rule that permits; where no rule permits, the answer is deny. */
export type Decision = AllowDecision | DenyDecision;

export type AllowDecision = {
  readonly kind: 'allow';
  /** Every rule that permits, sorted. */
  readonly ruleIds: readonly string[];
  /** Longest lifetime that policy allows, in seconds: the largest `@max_ttl` of those rules. The profile's limit comes on top. */
  readonly ttlSecondsMax: number;
  /** The rule that gave `ttlSecondsMax`. */
  readonly ttlRuleId: string;
  /** Bundle that answered, hex SHA-256. */
  readonly policySha256: string;
};

export type DenyDecision = {
  readonly kind: 'deny';
  /** Rules that forbade (or could not be evaluated, which denies as well), sorted; empty when simply no rule permits. */
  readonly ruleIds: readonly string[];
  /** Why, in the rules' own words; never empty. */
  readonly reasons: readonly string[];
  readonly policySha256: string;
};

/** One condition of a rule: whether it holds, fails, or could not be reached because a condition that guards it fails. */
export type ConditionExplanation = {
  readonly text: string;
  readonly outcome: 'holds' | 'fails' | 'not_reached';
};

/** How near one rule came. */
export type RuleExplanation = {
  readonly ruleId: string;
  /** File and line of its text: `/etc/stint/bundle/policies/read.cedar:3`. */
  readonly location: string;
  /** Its scope and its conditions in order; whatever holds of anybody is left out. */
  readonly conditions: readonly ConditionExplanation[];
};

/** A decision with its reasons, for owners and operators: it shows policy, so never give it to a workload unasked. */
export type Explanation = {
  readonly decision: Decision;
  /** Rules that could have allowed, nearest first. */
  readonly nearest: readonly RuleExplanation[];
};
