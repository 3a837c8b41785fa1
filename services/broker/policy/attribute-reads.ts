import type { Clause, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Vocabulary } from '../registry/vocabulary.ts';

/** One fact that a policy's conditions read: `principal.owner`, `resource.labels`, `verified.branch`, `now`. */
export type AttributeRead = string;

const principalAttributes = ['kind', 'owner', 'backupOwner', 'environment', 'version'];
const resourceAttributes = ['kind', 'owner', 'environment', 'labels'];

/** Operators that look only at an entity's name and ancestors. Those stand in the decision key always. */
const identityOperators = new Set(['==', '!=', 'in', 'is']);

/**
 * Every fact that the policy's conditions can read, sorted. Never too few: a use that is not understood counts as
 * reading everything. Names and ancestors of principal, action and resource are not listed; they are always read.
 */
export function readsOf(policy: PolicyJson, vocabulary: Vocabulary): AttributeRead[] {
  const groups: Readonly<Record<string, readonly string[]>> = {
    principal: principalAttributes,
    resource: resourceAttributes,
    verified: vocabulary.verified,
    declared: ['justification', ...vocabulary.declared],
    parameters: vocabulary.parameters,
  };
  const reads = new Set<AttributeRead>();
  const readAll = (group: string) => {
    for (const name of groups[group] ?? []) reads.add(`${group}.${name}`);
  };
  const everything = () => {
    for (const group of Object.keys(groups)) readAll(group);
    reads.add('now');
  };
  for (const path of conditionPaths(policy.conditions)) {
    const [variable, first, second] = path;
    if (variable === 'action') continue;
    if (variable === 'principal' || variable === 'resource') {
      if (first === undefined) readAll(variable);
      else reads.add(`${variable}.${first}`);
    } else if (variable !== 'context' || first === undefined) everything();
    else if (first === 'now') reads.add('now');
    else if (second === undefined) readAll(first);
    else reads.add(`${first}.${second}`);
  }
  return [...reads].sort();
}

/** Every access path from a variable: `["context", "verified", "branch"]`; a bare `["principal"]` where it is used whole. */
function conditionPaths(conditions: readonly Clause[]): string[][] {
  const paths: string[][] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const path = pathOf(node);
    if (path !== undefined) {
      paths.push(path);
      return;
    }
    for (const [operator, operand] of Object.entries(node)) {
      if (operator === 'Value') visitValue(operand, paths);
      else if (identityOperators.has(operator))
        visit(withoutBareEntities(operand as Record<string, unknown>));
      else visit(operand);
    }
  };
  for (const clause of conditions) visit(clause.body);
  return paths;
}

// `principal == x`, `resource in x`, `principal is T`: these operands are looked at by name and ancestors alone.
function withoutBareEntities(operands: Record<string, unknown>): unknown[] {
  return ['left', 'right', 'in']
    .map((side) => operands[side])
    .filter((operand) => {
      const path = pathOf(operand);
      const isBare = path !== undefined && path.length === 1 && path[0] !== 'context';
      return !isBare && entityLiteralOf(operand) === undefined;
    });
}

// A named entity used in any other way may be the principal or the resource itself, so all of both is read.
function visitValue(value: unknown, paths: string[][]): void {
  if (typeof value === 'object' && value !== null) paths.push(['principal'], ['resource']);
}

function entityLiteralOf(node: unknown): unknown {
  const value = (node as { Value?: unknown } | undefined)?.Value;
  return typeof value === 'object' && value !== null && '__entity' in value ? value.__entity : undefined;
}

/** The path of a variable or of attribute accesses on one; undefined for any other expression. */
function pathOf(node: unknown): string[] | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if ('Var' in node) return [String(node.Var)];
  const access = '.' in node ? node['.'] : 'has' in node ? node.has : undefined;
  if (typeof access !== 'object' || access === null || !('left' in access) || !('attr' in access))
    return undefined;
  const left = pathOf(access.left);
  if (left === undefined) return undefined;
  return [...left, ...(Array.isArray(access.attr) ? access.attr.map(String) : [String(access.attr)])];
}
