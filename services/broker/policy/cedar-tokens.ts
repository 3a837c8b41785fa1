/** One word, text literal or sign of a policy, without comments and blanks. */
export type Token = {
  readonly kind: 'word' | 'string' | 'sign';
  /** As written; a string with its quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

// In order: blanks and comments, string, word or number, sign. A string that never ends runs to the end of the text.
const grammar =
  /(?:\s|\/\/[^\n]*)+|("(?:[^"\\]|\\[\s\S])*(?:"|$))|([A-Za-z_0-9]+)|(&&|\|\||==|!=|<=|>=|::|[\s\S])/gy;

/** The tokens of a Cedar text, in order. Total: whatever is not Cedar becomes single signs. Source: Cedar's grammar, "tokens". */
export function* tokenize(text: string): Generator<Token> {
  for (const match of text.matchAll(grammar)) {
    const [whole, string, word, sign] = match;
    const kind =
      string !== undefined ? 'string' : word !== undefined ? 'word' : sign !== undefined ? 'sign' : undefined;
    if (kind !== undefined) yield { kind, text: whole, start: match.index, end: match.index + whole.length };
  }
}

/** From the first token's start to the last one's end; empty for no tokens. */
export function rangeOf(tokens: readonly Token[]): { start: number; end: number } {
  return { start: tokens.at(0)?.start ?? 0, end: tokens.at(-1)?.end ?? 0 };
}
