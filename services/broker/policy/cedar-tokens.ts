/** One word, text literal or sign of a policy, without comments and blanks. */
export type Token = {
  readonly kind: 'word' | 'string' | 'sign';
  /** As written; a string with its quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

// In order: blanks, comment, word or number, the start of a string, sign. No group repeats: a regular expression that
// repeats a group overflows its stack on a long enough text.
const grammar = /\s+|\/\/[^\n]*|([A-Za-z_0-9]+)|(")|(&&|\|\||==|!=|<=|>=|::|[\s\S])/y;
const stringMark = /["\\]/g;

/** The tokens of a Cedar text, in order. Total: whatever is not Cedar becomes single signs. Source: Cedar's grammar, "tokens". */
export function* tokenize(text: string): Generator<Token> {
  for (let start = 0; start < text.length; ) {
    grammar.lastIndex = start;
    const [whole = '', word, quote, sign] = grammar.exec(text) ?? [text.slice(start)];
    const end = quote === undefined ? start + whole.length : stringEnd(text, start);
    const kind =
      quote !== undefined ? 'string' : word !== undefined ? 'word' : sign !== undefined ? 'sign' : undefined;
    if (kind !== undefined) yield { kind, text: text.slice(start, end), start, end };
    start = end;
  }
}

/** Where the string that opens at `start` ends; the end of the text when it is never closed. */
function stringEnd(text: string, start: number): number {
  stringMark.lastIndex = start + 1;
  for (let mark = stringMark.exec(text); mark !== null; mark = stringMark.exec(text)) {
    if (mark[0] === '"') return stringMark.lastIndex;
    // A backslash takes the next character with it, whatever that is.
    stringMark.lastIndex += 1;
  }
  return text.length;
}

/** From the first token's start to the last one's end; empty for no tokens. */
export function rangeOf(tokens: readonly Token[]): { start: number; end: number } {
  return { start: tokens.at(0)?.start ?? 0, end: tokens.at(-1)?.end ?? 0 };
}
