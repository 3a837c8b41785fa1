import type { ConditionExplanation, PolicyQuestion, RuleExplanation } from '../domain/decision.ts';
import type { Vocabulary } from '../registry/vocabulary.ts';
import type { CedarEvaluator } from './cedar-evaluator.ts';
import { toCedarRequest, toScopedRequest } from './cedar-request.ts';
import type { CompiledPolicy, PermitPolicy } from './compiled-policy.ts';
import { explainedConditionsMax, explainedRulesMax, shownRulesMax } from './policy-limits.ts';
import { holdsOf, type ScopedRequest } from './scope-index.ts';

type Outcome = ConditionExplanation['outcome'];

/** A permit and which of its conditions hold. */
type JudgedRule = { readonly policy: PermitPolicy; readonly outcomes: readonly Outcome[] };

/**
 * The permits for the asked action that came nearest to allowing, nearest first: those with the fewest conditions that
 * do not hold. Every condition is asked as a rule of its own, all in one call; one that cannot be evaluated (it reads
 * what its guard found absent) counts as not reached.
 */
export function explainNearest(
  question: PolicyQuestion,
  engine: {
    readonly policies: readonly CompiledPolicy[];
    readonly vocabulary: Vocabulary;
    readonly evaluator: CedarEvaluator;
  },
): RuleExplanation[] {
  const request = toScopedRequest(question);
  const candidates = nearestByScope(engine.policies, request);
  const texts: Record<string, string> = {};
  for (const [i, policy] of candidates.entries()) {
    for (const [j, condition] of policy.conditions.entries()) {
      if (condition.clause !== '')
        texts[`${i}.${j}`] = `permit(principal, action, resource) ${condition.clause};`;
    }
  }
  const answer = engine.evaluator.evaluate(
    { key: JSON.stringify(texts), texts },
    toCedarRequest(question, engine.vocabulary),
  );
  if (answer.kind === 'failed') return [];
  const holding = new Set(answer.policyIds);
  const unreached = new Set(answer.errors.map((error) => error.policyId));
  const judged = candidates.map((policy, i): JudgedRule => {
    const outcomes = policy.conditions.map(({ part, clause }, j): Outcome => {
      if (clause === '') return scopeHolds(policy, part, request) ? 'holds' : 'fails';
      return holding.has(`${i}.${j}`) ? 'holds' : unreached.has(`${i}.${j}`) ? 'not_reached' : 'fails';
    });
    return { policy, outcomes };
  });
  return judged
    .sort((a, b) => distance(a) - distance(b) || byId(a.policy, b.policy))
    .slice(0, shownRulesMax)
    .map(toExplanation);
}

/** Permits for the action, those whose scope fails least first, as many as may be evaluated. */
function nearestByScope(policies: readonly CompiledPolicy[], request: ScopedRequest): PermitPolicy[] {
  const failures = (policy: PermitPolicy) =>
    Number(!holdsOf(policy.scope.principal, request.principal)) +
    Number(!holdsOf(policy.scope.resource, request.resource));
  const ranked = policies
    .filter(
      (policy): policy is PermitPolicy =>
        policy.effect === 'permit' && (policy.scope.actions?.includes(request.action) ?? true),
    )
    .map((policy) => ({ policy, failures: failures(policy) }))
    .sort((a, b) => a.failures - b.failures || byId(a.policy, b.policy))
    .slice(0, explainedRulesMax);
  let conditions = 0;
  return ranked.flatMap(({ policy }) => {
    conditions += policy.conditions.length;
    return conditions <= explainedConditionsMax ? [policy] : [];
  });
}

function scopeHolds({ scope }: PermitPolicy, part: string, request: ScopedRequest): boolean {
  if (part === 'principal') return holdsOf(scope.principal, request.principal);
  if (part === 'resource') return holdsOf(scope.resource, request.resource);
  return scope.actions?.includes(request.action) ?? true;
}

function distance({ outcomes }: JudgedRule): number {
  return outcomes.filter((outcome) => outcome !== 'holds').length;
}

function byId(a: CompiledPolicy, b: CompiledPolicy): number {
  return a.id < b.id ? -1 : 1;
}

function toExplanation({ policy, outcomes }: JudgedRule): RuleExplanation {
  return {
    ruleId: policy.id,
    location: `${policy.file}:${policy.line}`,
    conditions: policy.conditions.map(({ text }, i) => ({ text, outcome: outcomes[i] ?? 'fails' })),
  };
}
