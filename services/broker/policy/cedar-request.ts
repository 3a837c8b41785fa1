import type { CedarValueJson, StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import { formatTime } from '@stint/common/time.ts';
import type { PolicyQuestion } from '../domain/decision.ts';
import type { Identity, Resource } from '../domain/registry.ts';
import type { Vocabulary } from '../registry/vocabulary.ts';
import { entityTypes } from './cedar-schema.ts';
import { entityKey } from './compiled-policy.ts';
import type { ScopedRequest } from './scope-index.ts';

/** A question in Cedar's terms, but for the policies to ask. */
export type CedarRequest = Pick<
  StatefulAuthorizationCall,
  'principal' | 'action' | 'resource' | 'context' | 'entities'
>;

/**
 * Puts a question into Cedar's terms: two leaf entities with their ancestors flat, and the context. Attributes that the
 * registry does not declare are left out; no rule can name them.
 */
export function toCedarRequest(question: PolicyQuestion, vocabulary: Vocabulary): CedarRequest {
  const { identity, resource, declared } = question;
  const principal = { type: entityTypes.identity, id: identity.spiffeId };
  const target = { type: entityTypes.resource, id: resource.id };
  return {
    principal,
    action: { type: entityTypes.action, id: question.profile.name },
    resource: target,
    context: {
      verified: pick(question.verified, vocabulary.verified),
      declared: { ...pick(declared.context, vocabulary.declared), justification: declared.justification },
      parameters: pick(declared.parameters, vocabulary.parameters),
      now: { __extn: { fn: 'datetime', arg: formatTime(question.now) } },
    },
    entities: [
      {
        uid: principal,
        attrs: identityAttributes(identity),
        parents: [...identity.roles.map(roleUid), environmentUid(identity.environment)],
      },
      { uid: target, attrs: resourceAttributes(resource), parents: [environmentUid(resource.environment)] },
    ],
  };
}

/** The same question as scopes see it. */
export function toScopedRequest({ identity, profile, resource }: PolicyQuestion): ScopedRequest {
  const environmentKey = (name: string) => entityKey(entityTypes.environment, name);
  return {
    principal: {
      type: entityTypes.identity,
      key: entityKey(entityTypes.identity, identity.spiffeId),
      ancestors: [
        ...identity.roles.map((role) => entityKey(entityTypes.role, role)),
        environmentKey(identity.environment),
      ],
    },
    action: profile.name,
    resource: {
      type: entityTypes.resource,
      key: entityKey(entityTypes.resource, resource.id),
      ancestors: [environmentKey(resource.environment)],
    },
  };
}

function identityAttributes(identity: Identity): Record<string, CedarValueJson> {
  return {
    kind: identity.kind,
    environment: { __entity: environmentUid(identity.environment) },
    // No owner means no attribute, so that a rule must ask whether there is one.
    ...(identity.owner === '' ? {} : { owner: identity.owner }),
    ...(identity.backupOwner === undefined ? {} : { backupOwner: identity.backupOwner }),
    ...(identity.version === undefined ? {} : { version: { ...identity.version } }),
  };
}

function resourceAttributes(resource: Resource): Record<string, CedarValueJson> {
  return {
    kind: resource.kind,
    owner: resource.owner,
    environment: { __entity: environmentUid(resource.environment) },
    labels: [...resource.labels],
  };
}

function roleUid(role: string): { type: string; id: string } {
  return { type: entityTypes.role, id: role };
}

function environmentUid(environment: string): { type: string; id: string } {
  return { type: entityTypes.environment, id: environment };
}

function pick(facts: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
