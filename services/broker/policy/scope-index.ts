import type { CompiledPolicy, EntityKey, EntityScope } from './compiled-policy.ts';

/** One side of a request as scopes see it. */
export type ScopedEntity = {
  readonly type: string;
  readonly key: EntityKey;
  /** All ancestors, flat. */
  readonly ancestors: readonly EntityKey[];
};

/** A request as scopes see it. */
export type ScopedRequest = {
  readonly principal: ScopedEntity;
  readonly action: string;
  readonly resource: ScopedEntity;
};

const any = '*';

/**
 * Finds the policies whose scope matches a request without looking at the others. Leaving those out changes nothing in
 * Cedar's answer: a policy whose scope does not match is false and cannot fail. Permits and forbids are treated alike.
 * Source: cedar-spec `isAuthorized_eq_for_scope_based_policy_slice`.
 */
export class ScopeIndex {
  readonly #buckets = new Map<string, CompiledPolicy[]>();

  constructor(policies: readonly CompiledPolicy[]) {
    for (const policy of policies) {
      const { principal, actions, resource } = policy.scope;
      for (const action of new Set(actions ?? [any])) {
        const bucket = bucketOf(anchorOf(principal), action, anchorOf(resource));
        const found = this.#buckets.get(bucket);
        if (found === undefined) this.#buckets.set(bucket, [policy]);
        else found.push(policy);
      }
    }
  }

  /** Exactly the policies whose scope holds of the request, sorted by id. */
  matching(request: ScopedRequest): CompiledPolicy[] {
    const { principal, action, resource } = request;
    const found = new Set<CompiledPolicy>();
    for (const principalAnchor of [any, principal.key, ...principal.ancestors]) {
      for (const resourceAnchor of [any, resource.key, ...resource.ancestors]) {
        for (const actionAnchor of [any, action]) {
          for (const policy of this.#buckets.get(bucketOf(principalAnchor, actionAnchor, resourceAnchor)) ??
            []) {
            if (holdsOf(policy.scope.principal, principal) && holdsOf(policy.scope.resource, resource))
              found.add(policy);
          }
        }
      }
    }
    return [...found].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The largest group of policies that share one scope. */
  largestScope(): readonly CompiledPolicy[] {
    let largest: readonly CompiledPolicy[] = [];
    for (const bucket of this.#buckets.values()) if (bucket.length > largest.length) largest = bucket;
    return largest;
  }
}

/** Whether a scope's constraint holds of an entity, as Cedar would say. */
export function holdsOf(scope: EntityScope, entity: ScopedEntity): boolean {
  if (scope.type !== undefined && scope.type !== entity.type) return false;
  if (scope.equals !== undefined && scope.equals !== entity.key) return false;
  return scope.within === undefined || scope.within === entity.key || entity.ancestors.includes(scope.within);
}

function anchorOf(scope: EntityScope): string {
  return scope.equals ?? scope.within ?? any;
}

// JSON keeps the three apart whatever is in them; an entity's key holds a space, so it is never the mark for any.
function bucketOf(principal: string, action: string, resource: string): string {
  return JSON.stringify([principal, action, resource]);
}
