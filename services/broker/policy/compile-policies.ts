import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type SourceFault, type SourceText, wholeFileFault } from '../registry/source-fault.ts';
import type { Vocabulary } from '../registry/vocabulary.ts';
import { lintAnnotations } from './annotation-lint.ts';
import { readsOf } from './attribute-reads.ts';
import type { CedarRuntime } from './cedar-runtime.ts';
import { buildCedarSchema } from './cedar-schema.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import { checkNamedEntities, type KnownEntities } from './named-entities.ts';
import { conditionsOf } from './policy-conditions.ts';
import { policiesMax, policiesPerScopeMax } from './policy-limits.ts';
import { scopeOf } from './policy-scope.ts';
import { type PolicySource, splitPolicies } from './policy-source.ts';
import { ScopeIndex } from './scope-index.ts';

/** A policy that Cedar has parsed. */
type ParsedPolicy = { readonly policy: PolicySource; readonly json: PolicyJson };

/** A policy ready for the engine, and where it came from. */
type PlacedPolicy = { readonly policy: PolicySource; readonly compiled: CompiledPolicy };

/** What policies are checked against. */
export type PolicyRules = {
  readonly cedar: CedarRuntime;
  readonly vocabulary: Vocabulary;
  readonly known: KnownEntities;
};

/**
 * Turns policy files into policies ready for the engine, in the order limits, parse, lint, validate. Finds every fault,
 * not only the first; the policies are worth nothing unless there is none. Runs in the admission worker: it may take
 * seconds, and a text that slips past the limits may take the runtime with it.
 */
export function compilePolicies(
  sources: readonly SourceText[],
  rules: PolicyRules,
): { policies: CompiledPolicy[]; faults: SourceFault[] } {
  const faults: SourceFault[] = [];
  const split = sources.flatMap((source) => splitPolicies(source, faults));
  if (split.length > policiesMax) {
    return {
      policies: [],
      faults: [wholeFileFault('policies', `${split.length} policies: at most ${policiesMax} are allowed`)],
    };
  }
  const parsed = split.flatMap((policy) => parsePolicy(policy, rules.cedar, faults));
  const placed = parsed.flatMap((item) => compilePolicy(item, rules, faults));
  const policies = placed.map(({ compiled }) => compiled);
  refuseDuplicateIds(placed, faults);
  refuseCrowdedScopes(policies, faults);
  faults.push(...validatePolicies(parsed, rules));
  return { policies, faults };
}

function parsePolicy(policy: PolicySource, cedar: CedarRuntime, faults: SourceFault[]): ParsedPolicy[] {
  const answer = cedar.policyToJson(policy.text);
  if (answer.type === 'success') return [{ policy, json: answer.json }];
  const isTemplate = /\?(?:principal|resource)\b/.test(policy.text);
  for (const error of answer.errors) {
    faults.push(
      isTemplate
        ? policyFault(policy, error, 'templates are not supported: write the entity instead of a "?" slot')
        : policyFault(policy, error),
    );
  }
  return [];
}

function compilePolicy(
  { policy, json }: ParsedPolicy,
  rules: PolicyRules,
  faults: SourceFault[],
): PlacedPolicy[] {
  checkNamedEntities(policy, rules.known, faults);
  const annotations = lintAnnotations(policy, json.effect, faults);
  if (annotations === undefined) return [];
  const { source, text, offset } = policy;
  const effectToken = policy.tokens.find((token) => token.kind === 'word' && token.text === json.effect);
  const compiled = {
    ...annotations,
    file: source.file,
    line: source.lineAt(effectToken?.start ?? offset),
    text,
    scope: scopeOf(json),
    conditions: conditionsOf(policy),
    reads: readsOf(json, rules.vocabulary),
  };
  return [{ policy, compiled }];
}

function refuseDuplicateIds(placed: readonly PlacedPolicy[], faults: SourceFault[]): void {
  const first = new Map<string, CompiledPolicy>();
  for (const { policy, compiled } of placed) {
    const earlier = first.get(compiled.id);
    if (earlier === undefined) {
      first.set(compiled.id, compiled);
      continue;
    }
    const token = policy.tokens.find(({ text }) => text === `"${compiled.id}"`) ?? {
      start: policy.offset,
      end: policy.offset + 1,
    };
    const what = `duplicate @id "${compiled.id}": it stands at ${earlier.file}:${earlier.line} already`;
    faults.push(policy.source.faultAt(token, what, 'give one of them another id'));
  }
}

function refuseCrowdedScopes(policies: readonly CompiledPolicy[], faults: SourceFault[]): void {
  const largest = new ScopeIndex(policies).largestScope();
  const [policy] = largest;
  if (policy === undefined || largest.length <= policiesPerScopeMax) return;
  const what = `${largest.length} policies have the scope of "${policy.id}": at most ${policiesPerScopeMax} may share one`;
  faults.push(wholeFileFault(policy.file, what, 'name a role, an environment or a resource in their scopes'));
}

/** Strict validation against the schema. Its warnings block too: a rule that can never match is a mistake. */
function validatePolicies(
  parsed: readonly ParsedPolicy[],
  { cedar, vocabulary }: PolicyRules,
): SourceFault[] {
  if (parsed.length === 0) return [];
  const staticPolicies = Object.fromEntries(parsed.map(({ policy }, i) => [`p${i}`, policy.text]));
  const answer = cedar.validate({
    validationSettings: { mode: 'strict' },
    schema: buildCedarSchema(vocabulary),
    policies: { staticPolicies },
  });
  if (answer.type === 'failure')
    return answer.errors.map((error) =>
      wholeFileFault('policies', cleanMessage(error.message), error.help ?? ''),
    );
  const wrong = new Set(answer.validationErrors.map((error) => error.policyId));
  // Of a wrong policy, that it can never match is only a consequence.
  const warnings = answer.validationWarnings.filter((warning) => !wrong.has(warning.policyId));
  return [...answer.validationErrors, ...warnings].flatMap(({ policyId, error }) => {
    const item = parsed[Number(policyId.slice(1))];
    return item === undefined ? [] : [policyFault(item.policy, error)];
  });
}

function policyFault(policy: PolicySource, error: DetailedError, help = error.help ?? ''): SourceFault {
  const [location] = error.sourceLocations ?? [];
  const bytes = Buffer.from(policy.text);
  // Cedar counts bytes, a SourceText characters.
  const toOffset = (at: number) => policy.offset + bytes.subarray(0, at).toString().length;
  const range =
    location === undefined
      ? { start: policy.offset, end: policy.offset + 1 }
      : { start: toOffset(location.start), end: toOffset(location.end) };
  return policy.source.faultAt(range, cleanMessage(error.message), help.replace(/^for policy `[^`]*`, /, ''));
}

function cleanMessage(message: string): string {
  return message
    .replace(/^for policy `[^`]*`, /, '')
    .replace(/^failed to parse policy from string: /, '')
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
