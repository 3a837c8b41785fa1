import path from 'node:path';
import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { InputFileError, readVerifierKeyFile } from '@stint/common/input-file.ts';
import { services } from '@stint/common/proto.ts';
import type { NoteVerifier } from '@stint/common/signed-note.ts';
import type { Command } from 'commander';
import {
  readEventType,
  readFileName,
  readIndex,
  readLimit,
  readSpiffeId,
} from '../arguments/option-values.ts';
import { readId } from '../arguments/typed-id.ts';
import { listedRecords, type RecordQuery } from '../audit/listed-records.ts';
import { type ProofVerdict, RecordProofs } from '../audit/record-proof.ts';
import { cliError } from '../cli-error.ts';
import type { CommandSession } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { type Cell, renderTable } from '../terminal/table.ts';
import { proofJson, recordCells, recordHead, recordJson } from '../views/record-view.ts';

/** Proofs asked for at once. */
const proofsAtOnceMax = 16;

type ListOptions = RecordQuery & { readonly verifierKey?: string };

type CheckedRecord = { readonly record: Record__Output; readonly verdict: ProofVerdict };

/** Adds `stint audit list`. */
export function addAuditList(audit: Command, run: Runner): void {
  const command = audit
    .command('list')
    .option('--grant <id>', 'only records about this grant', '')
    .option('--request <id>', 'only records of this request: req_…, as answers and errors name it', '')
    .option('--lease <id>', 'only records about this lease', '')
    .option('--identity <spiffe-id>', 'only records of what this identity did', readSpiffeId, '')
    .option('--type <prefix>', 'only events whose type begins so: lease.', readEventType, '')
    .option('--from <index>', 'from this record on, instead of the newest', readIndex)
    .option('--limit <count>', 'how many at most, 1 to 1000', readLimit, 50)
    .option(
      '--verifier-key <file>',
      "the log's key, kept elsewhere (default: log.vkey with the log)",
      readFileName,
    )
    .action(
      run<ListOptions>(async (session, { options }) => {
        requireIds(options);
        await session.channel('auditor'); // where nothing runs that is said first, and what to start
        const { verifier, isPinned } = readVerifier(session, options.verifierKey);
        const records = await findRecords(session, options);
        const checked = await checkAll(await session.channel('auditor'), records, verifier);
        writeRecords(session, { checked, isPinned });
        if (checked.some(({ verdict }) => verdict.kind === 'not proved')) throw unproved(checked);
        if (checked.length === 0) await sayWhyNone(session, options);
        else
          session.output.note(
            `${checked.length} records, each proved to stand in a checkpoint signed by ${verifier.name}` +
              (isPinned ? '' : '; the key lay with the log: give one kept elsewhere with --verifier-key'),
          );
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'List records in order, each with its inclusion proof checked',
    examples: [
      'stint audit list',
      'stint audit list --grant grt_01m8167zc3v2e0q6j4s9d5n1wk -o json',
      'stint audit list --request req_01m8186m2bv0v9ysw8m6ybmtjd',
    ],
    notes: [
      'PROVED ✓: the record stands in the tree of a checkpoint that the log’s key has signed. ✗: it does not; exit code 1.',
      '--request and --lease search the log from five minutes before the id was made on; --from INDEX begins elsewhere.',
      'That nothing is missing between records is shown by one command alone: stint audit verify',
    ],
    next: ['stint audit verify', 'stint audit tail'],
  });
}

/** @throws CliError INVALID_FIELD for what is typed as an id and is none of its kind. */
function requireIds(options: ListOptions): void {
  for (const kind of ['grant', 'request', 'lease'] as const)
    if (options[kind] !== '') readId(kind, options[kind], `--${kind}`);
}

async function sayWhyNone(session: CommandSession, { request, from = 0 }: ListOptions): Promise<void> {
  if (request !== '')
    session.output.note(
      'not every request has a record: of many refusals some are only counted, and a fault of Stint’s own is in the log file of its part',
    );
  const auditor = await session.channel('auditor');
  const { size } = await auditor.call(services.audit.GetStatus, {});
  if (from >= size) session.output.warn(`there is no record ${from} yet: the log has ${size}, from 0 on`);
}

async function findRecords(session: CommandSession, query: RecordQuery): Promise<Record__Output[]> {
  const auditor = await session.channel('auditor');
  try {
    return await listedRecords(auditor, query, ({ next, size }) =>
      session.output.progress(`searching the log: record ${next} of ${size}`),
    );
  } finally {
    session.output.progress('');
  }
}

async function checkAll(
  auditor: GrpcChannel,
  records: readonly Record__Output[],
  verifier: NoteVerifier,
): Promise<CheckedRecord[]> {
  const proofs = new RecordProofs(verifier);
  const checked: CheckedRecord[] = [];
  for (let i = 0; i < records.length; i += proofsAtOnceMax) {
    const slice = records.slice(i, i + proofsAtOnceMax);
    const verdicts = slice.map(async (record) => {
      const request = { index: record.index, wait: true };
      return {
        record,
        verdict: proofs.check(record, await auditor.call(services.audit.GetInclusionProof, request)),
      };
    });
    checked.push(...(await Promise.all(verdicts)));
  }
  return checked;
}

function writeRecords(
  session: CommandSession,
  { checked, isPinned }: { checked: readonly CheckedRecord[]; isPinned: boolean },
): void {
  const mark = ({ verdict }: CheckedRecord): Cell =>
    verdict.kind === 'proved' ? { text: '✓', paint: 'green' } : { text: '✗', paint: 'red' };
  session.output.result({
    json: {
      records: checked.map(({ record, verdict }) => ({ ...recordJson(record), proof: proofJson(verdict) })),
      verifier_key: isPinned ? 'pinned' : 'with the log',
    },
    table: (paint) =>
      checked.length === 0
        ? 'no records\n'
        : renderTable(
            ['PROVED', ...recordHead],
            checked.map((one) => [mark(one), ...recordCells(one.record)]),
            paint,
          ),
  });
}

function unproved(checked: readonly CheckedRecord[]): Error {
  const bad = checked.filter(({ verdict }) => verdict.kind === 'not proved');
  const [first] = bad;
  const fault = first?.verdict.kind === 'not proved' ? first.verdict.fault : '';
  return cliError('PROOF_INVALID', {
    what: `${bad.length} of ${checked.length} records are not proved to stand in the log`,
    why: `record ${first?.record.index}: ${fault}`,
    fix: 'stint audit verify, and keep a copy of the log: it may have been tampered with',
  });
}

function readVerifier(
  session: CommandSession,
  named: string | undefined,
): { verifier: NoteVerifier; isPinned: boolean } {
  const file = named ?? path.join(session.endpoint('log').path, 'log.vkey');
  try {
    return { verifier: readVerifierKeyFile(file), isPinned: named !== undefined };
  } catch (thrown) {
    if (!(thrown instanceof InputFileError)) throw thrown;
    const { what, why } = thrown;
    const fix = "name the log's key with --verifier-key, or the directory of the log with --log-dir";
    throw cliError('VERIFIER_KEY_UNUSABLE', { what, why, fix }, thrown);
  }
}
