import type { PolicyQuestion } from '../domain/decision.ts';
import type { AttributeRead } from './attribute-reads.ts';

/**
 * What the scopes of all policies look at: names and ancestors. JSON, so that no two questions share a key by where one
 * part ends and the next begins.
 */
export function scopeKeyOf({ identity, profile, resource }: PolicyQuestion): string {
  return JSON.stringify([
    identity.spiffeId,
    identity.environment,
    identity.roles,
    profile.name,
    resource.id,
    resource.environment,
  ]);
}

/** Takes from a question the facts that the conditions of some policies read; see {@link attributeReader}. */
export type AttributeReader = (question: PolicyQuestion) => unknown;

/** Reads one fact; null where the question does not have it, which no fact that it has looks like. */
export function attributeReader(read: AttributeRead): AttributeReader {
  const dot = read.indexOf('.');
  const group = read.slice(0, dot);
  const name = read.slice(dot + 1);
  switch (group) {
    case 'principal':
      return ({ identity }) => ownValue(identity, name);
    case 'resource':
      return ({ resource }) => ownValue(resource, name);
    case 'verified':
      return ({ verified }) => ownValue(verified, name);
    case 'parameters':
      return ({ declared }) => ownValue(declared.parameters, name);
    case 'declared':
      return name === 'justification'
        ? ({ declared }) => declared.justification
        : ({ declared }) => ownValue(declared.context, name);
    default:
      throw new Error(`no such fact: ${read}`);
  }
}

/**
 * The key of a decision: the scope's key and exactly the facts that the policies read. Two questions with one key get
 * one answer, so the key is as long as those facts are.
 */
export function decisionKeyOf(
  question: PolicyQuestion,
  scopeKey: string,
  readers: readonly AttributeReader[],
): string {
  if (readers.length === 0) return scopeKey;
  return scopeKey + JSON.stringify(readers.map((read) => read(question)));
}

function ownValue(facts: object, name: string): unknown {
  return Object.hasOwn(facts, name) ? ((facts as Record<string, unknown>)[name] ?? null) : null;
}
