import { type Id, isId, parseId } from '@stint/common/ids.ts';
import { CliError, failureOf } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** Where the ids of each kind that a user can name are found. */
const foundBy = {
  grant: 'stint grants list',
  request: 'stint grants show GRANT, or the answer or error of the request',
  lease: 'stint grants show GRANT',
} as const;

type NamedKind = keyof typeof foundBy;

const kinds = Object.keys(foundBy) as NamedKind[];

/**
 * Reads an id.
 * @param word where it was typed: `GRANT`, `--request`.
 * @throws CliError INVALID_FIELD that says what such an id looks like, or of what the typed one is.
 */
export function readId<Kind extends NamedKind>(kind: Kind, text: string, word: string): Id<Kind> {
  try {
    return parseId(kind, text, word);
  } catch (thrown) {
    const failure = failureOf(thrown);
    const other = kinds.find((known) => isId(known, text));
    const why =
      other === undefined ? `such an id is ${failure.metadata['expected']}` : `it is the id of a ${other}`;
    throw new CliError({ ...failure, why, fix: foundBy[kind] }, thrown);
  }
}

/**
 * Reads the number of a message that the auditor refused.
 * @throws CliError INVALID_FIELD that says what such a number looks like.
 */
export function readRefusedNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CliError({
    what: `ID: "${text}" is not the number of a refused message`,
    why: 'such a number is whole, from 0',
    fix: 'stint audit quarantine list --all',
    reason: 'INVALID_FIELD',
    exitCode: exitCodes.usage.code,
    metadata: { field: 'ID' },
  });
}
