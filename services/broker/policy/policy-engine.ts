import type { PolicyEngine } from '../app/ports/policy.ts';
import type {
  AllowDecision,
  Decision,
  DenyDecision,
  Explanation,
  PolicyQuestion,
} from '../domain/decision.ts';
import { findProfile } from '../domain/registry.ts';
import type { Vocabulary } from '../registry/vocabulary.ts';
import { CedarEvaluator, type Evaluation, type PolicySlice } from './cedar-evaluator.ts';
import { toCedarRequest, toScopedRequest } from './cedar-request.ts';
import type { CedarRuntime } from './cedar-runtime.ts';
import type { CompiledPolicy, PermitPolicy } from './compiled-policy.ts';
import { type AttributeReader, attributeReader, decisionKeyOf, scopeKeyOf } from './decision-key.ts';
import { explainNearest } from './explain-nearest.ts';
import { LruMap } from './lru-map.ts';
import {
  cachedDecisionsMax,
  cachedKeyCharsMax,
  preparsedSlicesMax,
  scopeLookupsMax,
} from './policy-limits.ts';
import { ScopeIndex } from './scope-index.ts';

/** An admitted bundle's policies. */
export type EngineBundle = {
  readonly policies: readonly CompiledPolicy[];
  readonly vocabulary: Vocabulary;
  readonly sha256: string;
};

/** Something wrong at evaluation that an operator must hear of. The decision was safe: a failing rule never allows. */
export type EngineFault = {
  /** The rule that failed; absent when the engine as a whole did. */
  readonly ruleId?: string;
  readonly message: string;
};

export type EngineOptions = {
  /** Called, while deciding, for every fault. Must not throw. */
  readonly onFault: (fault: EngineFault) => void;
  /** Decisions kept; 0 keeps none. */
  readonly cachedDecisionsMax?: number;
  readonly preparsedSlicesMax?: number;
  /** Makes the policy runtime; tests put faults in. */
  readonly loadRuntime?: () => CedarRuntime;
};

/** The policies that apply to one scope, ready to be asked. */
type Slice = PolicySlice & {
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  /** Takes the facts that the policies read; undefined when they read the time, and their decisions are not kept. */
  readonly readers: readonly AttributeReader[] | undefined;
};

/**
 * Makes an engine of an admitted bundle. Engines share nothing, so an old one serves on while a new one is made.
 * Throws when the policy runtime cannot be loaded: a fault of the installation, not of the bundle.
 */
export function createPolicyEngine(bundle: EngineBundle, options: EngineOptions): PolicyEngine {
  return new CedarPolicyEngine(bundle, options);
}

class CedarPolicyEngine implements PolicyEngine {
  readonly #bundle: EngineBundle;
  readonly #onFault: (fault: EngineFault) => void;
  readonly #index: ScopeIndex;
  readonly #evaluator: CedarEvaluator;
  readonly #explainEvaluator: CedarEvaluator;
  readonly #slices = new LruMap<Slice>(scopeLookupsMax);
  readonly #decisions: LruMap<Decision> | undefined;

  constructor(bundle: EngineBundle, options: EngineOptions) {
    this.#bundle = bundle;
    this.#onFault = options.onFault;
    this.#index = new ScopeIndex(bundle.policies);
    const load = options.loadRuntime === undefined ? {} : { load: options.loadRuntime };
    this.#evaluator = new CedarEvaluator(bundle.vocabulary, {
      slotsMax: options.preparsedSlicesMax ?? preparsedSlicesMax,
      ...load,
    });
    this.#evaluator.prepare();
    // An instance of its own, made when first asked: whatever an explanation does to it, decisions go on.
    this.#explainEvaluator = new CedarEvaluator(bundle.vocabulary, { slotsMax: 1, ...load });
    const decisionsMax = options.cachedDecisionsMax ?? cachedDecisionsMax;
    this.#decisions = decisionsMax > 0 ? new LruMap(decisionsMax) : undefined;
  }

  decide(question: PolicyQuestion): Decision {
    try {
      const refusal = refusalBeforePolicy(question);
      if (refusal !== undefined) return this.#deny([], [refusal]);
      const scopeKey = scopeKeyOf(question);
      const slice = this.#slices.get(scopeKey) ?? this.#findSlice(question, scopeKey);
      if (this.#decisions === undefined || slice.readers === undefined)
        return this.#evaluate(question, slice).decision;
      const key = decisionKeyOf(question, scopeKey, slice.readers);
      const kept = this.#decisions.get(key);
      if (kept !== undefined) return kept;
      const { decision, isClean } = this.#evaluate(question, slice);
      if (isClean && key.length <= cachedKeyCharsMax) this.#decisions.set(key, decision);
      return decision;
    } catch (thrown) {
      return this.#denyUndecided(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  explain(question: PolicyQuestion): Explanation {
    const decision = this.decide(question);
    return {
      decision,
      nearest: explainNearest(question, { ...this.#bundle, evaluator: this.#explainEvaluator }),
    };
  }

  #findSlice(question: PolicyQuestion, scopeKey: string): Slice {
    const policies = this.#index.matching(toScopedRequest(question));
    const reads = [...new Set(policies.flatMap((policy) => policy.reads))].sort();
    const slice: Slice = {
      key: JSON.stringify(policies.map((policy) => policy.id)),
      texts: Object.fromEntries(policies.map((policy) => [policy.id, policy.text])),
      policies: new Map(policies.map((policy) => [policy.id, policy])),
      readers: reads.includes('now') ? undefined : reads.map(attributeReader),
    };
    this.#slices.set(scopeKey, slice);
    return slice;
  }

  /** `isClean`: nothing failed, so the same facts will give the same answer and may be kept. */
  #evaluate(question: PolicyQuestion, slice: Slice): { decision: Decision; isClean: boolean } {
    const evaluation = this.#evaluator.evaluate(slice, toCedarRequest(question, this.#bundle.vocabulary));
    if (evaluation.kind === 'failed')
      return { decision: this.#denyUndecided(evaluation.message), isClean: false };
    for (const { policyId, message } of evaluation.errors) this.#onFault({ ruleId: policyId, message });
    return {
      decision: this.#decisionOf(question, slice, evaluation),
      isClean: evaluation.errors.length === 0,
    };
  }

  #decisionOf(
    question: PolicyQuestion,
    slice: Slice,
    evaluation: Extract<Evaluation, { kind: 'answered' }>,
  ): Decision {
    // Cedar leaves out a forbid that fails and may answer allow: that forbid counts as forbidding.
    const failed = evaluation.errors
      .map((error) => error.policyId)
      .filter((id) => slice.policies.get(id)?.effect !== 'permit');
    const decided = evaluation.policyIds
      .map((id) => slice.policies.get(id))
      .filter((policy) => policy !== undefined);
    if (evaluation.isAllowed && failed.length === 0) return this.#allow(decided);
    const forbids = decided
      .filter((policy) => policy.effect === 'forbid')
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const reasons = [
      ...forbids.map((policy) => policy.denyReason),
      ...failed.map((id) => `rule "${id}" could not be evaluated, and it may forbid this`),
    ];
    if (reasons.length === 0) reasons.push(noRuleAllows(question));
    return this.#deny([...forbids.map((policy) => policy.id), ...failed], reasons);
  }

  #allow(decided: readonly CompiledPolicy[]): Decision {
    const permits = decided.filter((policy): policy is PermitPolicy => policy.effect === 'permit');
    const [longest] = permits.toSorted((a, b) => b.ttlSecondsMax - a.ttlSecondsMax || (a.id < b.id ? -1 : 1));
    if (longest === undefined || permits.length !== decided.length)
      return this.#denyUndecided('allowed by no known permit');
    const allow: AllowDecision = {
      kind: 'allow',
      ruleIds: Object.freeze(permits.map((policy) => policy.id).sort()),
      ttlSecondsMax: longest.ttlSecondsMax,
      ttlRuleId: longest.id,
      policySha256: this.#bundle.sha256,
    };
    return Object.freeze(allow);
  }

  #denyUndecided(message: string): Decision {
    this.#onFault({ message });
    return this.#deny([], ['policy could not be evaluated, so nothing is allowed']);
  }

  // Decisions are shared by everyone who asks the same, so they must not change.
  #deny(ruleIds: readonly string[], reasons: readonly string[]): Decision {
    const deny: DenyDecision = {
      kind: 'deny',
      ruleIds: Object.freeze([...ruleIds].sort()),
      reasons: Object.freeze([...reasons]),
      policySha256: this.#bundle.sha256,
    };
    return Object.freeze(deny);
  }
}

/** Why the question is refused whatever the rules say; undefined when it is not. */
function refusalBeforePolicy({ identity, resource, profile }: PolicyQuestion): string | undefined {
  if (identity.state !== 'active') return `identity ${identity.spiffeId} is ${identity.state}`;
  if (findProfile(resource, profile.name) === undefined)
    return `resource "${resource.id}" has no action "${profile.name}"`;
  return undefined;
}

function noRuleAllows({ identity, resource, profile }: PolicyQuestion): string {
  return `no rule allows ${identity.spiffeId} to ${profile.name} "${resource.id}"`;
}
