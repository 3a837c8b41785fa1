import type { SourceFault, SourceText } from '../registry/source-fault.ts';
import { rangeOf, type Token, tokenize } from './cedar-tokens.ts';
import { bracketDepthMax, connectivesMax, policyBytesMax } from './policy-limits.ts';

/** One policy's own stretch of a file, found without parsing it. */
export type PolicySource = {
  readonly source: SourceText;
  readonly text: string;
  /** Where `text` begins in the file. */
  readonly offset: number;
  /** Its tokens; positions are those of the file. */
  readonly tokens: readonly Token[];
};

/** Tokens that make Cedar's parser and evaluator recurse once more each. */
const connectives = new Set(['&&', '||', '+', '-', '*', '.', '!', 'if', 'when', 'unless']);
const opening = new Set(['(', '[', '{']);
const closing = new Set([')', ']', '}']);

/**
 * Splits a file at the semicolons that end its policies; comments before a policy are left out. A policy that is too
 * large, too deeply nested or chained too far is a fault and not returned: it must not reach the parser, whose stack it
 * would overflow. Runs in time linear in the text. Attacker-controlled text is fine.
 */
export function splitPolicies(source: SourceText, faults: SourceFault[]): PolicySource[] {
  const policies: PolicySource[] = [];
  let tokens: Token[] = [];
  const finish = () => {
    const policy = toPolicy(source, tokens);
    tokens = [];
    if (policy === undefined) return;
    const fault = limitFault(policy);
    if (fault === undefined) policies.push(policy);
    else faults.push(fault);
  };
  for (const token of tokenize(source.text)) {
    tokens.push(token);
    if (token.text === ';') finish();
  }
  finish();
  return policies;
}

function toPolicy(source: SourceText, tokens: readonly Token[]): PolicySource | undefined {
  if (tokens.length === 0) return undefined;
  const { start, end } = rangeOf(tokens);
  return { source, text: source.text.slice(start, end), offset: start, tokens };
}

function limitFault(policy: PolicySource): SourceFault | undefined {
  const bytes = Buffer.byteLength(policy.text);
  const [first] = policy.tokens;
  if (first === undefined) return undefined;
  if (bytes > policyBytesMax) {
    return policy.source.faultAt(
      first,
      `the policy is ${bytes} bytes long: at most ${policyBytesMax} are allowed`,
      'split it',
    );
  }
  let depth = 0;
  let chained = 0;
  for (const token of policy.tokens) {
    if (opening.has(token.text)) depth += 1;
    if (closing.has(token.text)) depth -= 1;
    if (connectives.has(token.text)) chained += 1;
    if (depth > bracketDepthMax)
      return policy.source.faultAt(
        token,
        `brackets are nested deeper than ${bracketDepthMax}`,
        'simplify the condition',
      );
    if (chained > connectivesMax) {
      return policy.source.faultAt(
        token,
        `the policy has more than ${connectivesMax} operators`,
        'split it, or test for a member of a set: ["a", "b"].contains(x)',
      );
    }
  }
  return undefined;
}
