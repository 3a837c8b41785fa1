import type { AttributeRead } from './attribute-reads.ts';

/** An entity named by a rule, in a form that compares as text: the type, a space, the id. */
export type EntityKey = string;

/** Makes the comparable form of an entity's name. Types hold no space, so no two entities share one. */
export function entityKey(type: string, id: string): EntityKey {
  return `${type} ${id}`;
}

/** What a rule's scope asks of its principal or resource. All that are given must hold; nothing given holds of anybody. */
export type EntityScope = {
  readonly equals?: EntityKey;
  /** The entity itself or one of its ancestors. */
  readonly within?: EntityKey;
  readonly type?: string;
};

/** A rule's scope. Source: Cedar's grammar, "scope". */
export type PolicyScope = {
  readonly principal: EntityScope;
  /** Action names, or undefined for every action. */
  readonly actions: readonly string[] | undefined;
  readonly resource: EntityScope;
};

/** One part of a rule, for explaining: a scope constraint, one operand of a `when`, or a whole `unless`. */
export type PolicyCondition = {
  readonly part: 'principal' | 'action' | 'resource' | 'when' | 'unless';
  /** As written, comments out and blanks folded. */
  readonly text: string;
  /** A clause that Cedar parses, `when { … }`; empty for scope parts, which are looked at without Cedar. */
  readonly clause: string;
};

/** One admitted policy: parsed, linted and validated. */
export type CompiledPolicy = {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly scope: PolicyScope;
  readonly conditions: readonly PolicyCondition[];
  /** Facts its conditions read. */
  readonly reads: readonly AttributeRead[];
} & (
  | { readonly effect: 'permit' /** 1 to 86 400. */; readonly ttlSecondsMax: number }
  | { readonly effect: 'forbid'; readonly denyReason: string }
);

export type PermitPolicy = Extract<CompiledPolicy, { effect: 'permit' }>;
