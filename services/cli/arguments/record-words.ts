import { userInfo } from 'node:os';
import { Option } from 'commander';

/** What an operator says for the record: why, and who he is. */
export type RecordWords = { readonly reason: string; readonly by?: string };

/** `--reason`, which must be given. */
export function reasonOption(): Option {
  return new Option('--reason <text>', 'why, for the record: 1 to 500 characters').makeOptionMandatory();
}

/** `--by`, a name that nobody checks. */
export function operatorOption(): Option {
  return new Option('--by <name>', 'who says so; recorded as a claim (default: the user of this process)');
}

/** The words as the auditor takes them. */
export function recordedBy({ reason, by }: RecordWords): { reason: string; operator: string } {
  return { reason, operator: by ?? userInfo().username };
}
