import type {
  ActionConstraint,
  EntityUidJson,
  PolicyJson,
  PrincipalConstraint,
  ResourceConstraint,
} from '@cedar-policy/cedar-wasm/nodejs';
import { type EntityKey, type EntityScope, entityKey, type PolicyScope } from './compiled-policy.ts';

/** The scope of a parsed policy that is not a template. */
export function scopeOf(policy: PolicyJson): PolicyScope {
  return {
    principal: entityScope(policy.principal),
    actions: actionNames(policy.action),
    resource: entityScope(policy.resource),
  };
}

function entityScope(constraint: PrincipalConstraint | ResourceConstraint): EntityScope {
  if (constraint.op === 'All') return {};
  if (constraint.op === 'is')
    return {
      type: constraint.entity_type,
      ...(constraint.in === undefined ? {} : { within: keyOf(constraint.in) }),
    };
  return constraint.op === '==' ? { equals: keyOf(constraint) } : { within: keyOf(constraint) };
}

function actionNames(constraint: ActionConstraint): string[] | undefined {
  if (constraint.op === 'All') return undefined;
  // Actions have no groups in our schema, so `in` is equality with one of those named.
  const entities =
    'entities' in constraint ? constraint.entities : 'entity' in constraint ? [constraint.entity] : [];
  return entities.map((entity) => plainUid(entity).id);
}

function keyOf(constraint: { entity: EntityUidJson } | { slot: string }): EntityKey {
  if ('slot' in constraint) throw new Error('a template reached the compiler');
  const { type, id } = plainUid(constraint.entity);
  return entityKey(type, id);
}

function plainUid(uid: EntityUidJson): { type: string; id: string } {
  return '__entity' in uid ? uid.__entity : uid;
}
