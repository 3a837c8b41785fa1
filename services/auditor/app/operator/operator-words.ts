import { ServiceError } from '@stint/common/errors.ts';

/** Longest reason and longest name that an operator may give for the record, in characters. */
export const reasonCharsMax = 500;
export const operatorCharsMax = 100;

/** What the operator says for the record: why, and who he is, which is a claim. */
export type OperatorWords = { readonly reason: string; readonly operator: string };

/** Checks them: neither empty nor too long, one line, printable. @throws ServiceError INVALID_FIELD. */
export function readOperatorWords({ reason, operator }: OperatorWords): OperatorWords {
  return {
    reason: readWords('reason', reason, reasonCharsMax),
    operator: readWords('operator', operator, operatorCharsMax),
  };
}

function readWords(field: string, text: string, charsMax: number): string {
  const words = text.trim();
  const fault =
    words === ''
      ? 'it is empty'
      : words.length > charsMax
        ? `it is longer than ${charsMax} characters`
        : /\p{C}/u.test(words)
          ? 'it holds a character that cannot be printed'
          : undefined;
  if (fault === undefined) return words;
  throw new ServiceError('INVALID_FIELD', `${field}: ${fault}`, { metadata: { field } });
}
