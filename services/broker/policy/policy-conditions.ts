import type { Token } from './cedar-tokens.ts';
import type { PolicyCondition } from './compiled-policy.ts';
import type { PolicySource } from './policy-source.ts';

const opening = new Set(['(', '[', '{']);
const closing = new Set([')', ']', '}']);
const scopeParts = ['principal', 'action', 'resource'] as const;

/**
 * The parts of a policy in the author's own words: scope constraints, each operand of a `when`'s top-level `&&`, and each
 * `unless` whole. Cedar's own output has no source positions, so they are read off the tokens. The policy is one that
 * Cedar has parsed: brackets match and the scope has its three parts.
 */
export function conditionsOf(policy: PolicySource): PolicyCondition[] {
  const { tokens, source } = policy;
  const scopeStart = tokens.findIndex(
    (token, i) =>
      token.text === '(' && (tokens[i - 1]?.text === 'permit' || tokens[i - 1]?.text === 'forbid'),
  );
  const scopeEnd = matchingBracket(tokens, scopeStart);
  const conditions: PolicyCondition[] = [];
  for (const [i, part] of splitAt(tokens.slice(scopeStart + 1, scopeEnd), ',').entries()) {
    const name = scopeParts[i];
    // `principal` alone holds of anybody: nothing to explain.
    if (name !== undefined && part.length > 1)
      conditions.push({ part: name, text: display(part, source.text), clause: '' });
  }
  for (let i = scopeEnd + 1; i < tokens.length; ) {
    const kind = tokens[i]?.text;
    if (kind !== 'when' && kind !== 'unless') break;
    const end = matchingBracket(tokens, i + 1);
    const body = tokens.slice(i + 2, end);
    for (const operand of kind === 'when' ? conjuncts(body) : [body]) {
      const raw = source.text.slice(operand.at(0)?.start ?? 0, operand.at(-1)?.end ?? 0);
      const text = display(operand, source.text);
      // The newline keeps a comment inside the operand from swallowing the bracket.
      conditions.push({
        part: kind,
        text: kind === 'when' ? text : `unless { ${text} }`,
        clause: `${kind} { ${raw}\n}`,
      });
    }
    i = end + 1;
  }
  return conditions;
}

// `&&` binds tighter than `||`, and an `if` reaches to the end: where either stands at top level, the whole is one condition.
function conjuncts(body: readonly Token[]): (readonly Token[])[] {
  const isOne = splitAt(body, '||').length > 1 || body[0]?.text === 'if';
  return isOne ? [body] : splitAt(body, '&&');
}

/** Splits at the sign where it stands outside all brackets. */
function splitAt(tokens: readonly Token[], sign: string): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'sign' && opening.has(token.text)) depth += 1;
    if (token.kind === 'sign' && closing.has(token.text)) depth -= 1;
    if (depth === 0 && token.text === sign) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

function matchingBracket(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined || token.kind !== 'sign') continue;
    if (opening.has(token.text)) depth += 1;
    if (closing.has(token.text)) depth -= 1;
    if (depth === 0) return i;
  }
  return tokens.length;
}

function display(tokens: readonly Token[], text: string): string {
  let shown = '';
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    if (before !== undefined && before.end < token.start) shown += ' ';
    shown += text.slice(token.start, token.end);
  }
  return shown;
}
