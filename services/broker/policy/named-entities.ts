import { suggestName } from '@stint/common/name-suggestion.ts';
import type { SourceFault } from '../registry/source-fault.ts';
import { entityTypes } from './cedar-schema.ts';
import type { Token } from './cedar-tokens.ts';
import type { PolicySource } from './policy-source.ts';

/** Names that exist, by entity type. Actions are checked by Cedar, from the schema. */
export type KnownEntities = Readonly<
  Record<'identity' | 'resource' | 'role' | 'environment', ReadonlySet<string>>
>;

const nounsByType = new Map<string, keyof KnownEntities>([
  [entityTypes.identity, 'identity'],
  [entityTypes.resource, 'resource'],
  [entityTypes.role, 'role'],
  [entityTypes.environment, 'environment'],
]);

/**
 * Records a fault for every entity that a policy names and the registry does not know. Cedar lets any name pass: a
 * mistyped role in a forbid would make it never match, and let through what it should stop.
 */
export function checkNamedEntities(policy: PolicySource, known: KnownEntities, faults: SourceFault[]): void {
  for (const [i, token] of policy.tokens.entries()) {
    if (token.kind !== 'string' || policy.tokens[i - 1]?.text !== '::') continue;
    const start = pathStart(policy.tokens, i);
    const first = policy.tokens[start] ?? token;
    const type = policy.tokens
      .slice(start, i - 1)
      .map((part) => part.text)
      .join('');
    const noun = nounsByType.get(type);
    const name = token.text.slice(1, -1);
    if (noun === undefined || known[noun].has(name)) continue;
    const suggestion = suggestName(name, known[noun]);
    const help = suggestion === '' ? 'add it there or remove the rule' : suggestion;
    faults.push(
      policy.source.faultAt(
        { start: first.start, end: token.end },
        `unknown ${noun} "${name}": the registry has none of that name`,
        help,
      ),
    );
  }
}

/** Index of the first token of the type path `A::B::` that ends before the string at `at`. */
function pathStart(tokens: readonly Token[], at: number): number {
  let start = at;
  while (tokens[start - 1]?.text === '::' && tokens[start - 2]?.kind === 'word') start -= 2;
  return start;
}
