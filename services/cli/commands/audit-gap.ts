import { isServiceError } from '@stint/common/errors.ts';
import type { Gap__Output } from '@stint/common/gen/stint/audit/v1/Gap.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Command } from 'commander';
import { readIndex } from '../arguments/option-values.ts';
import { operatorOption, type RecordWords, reasonOption, recordedBy } from '../arguments/record-words.ts';
import { cliError, withFix, withLateEffect } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import type { Painter } from '../terminal/colors.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderFacts } from '../terminal/table.ts';
import { quarantinedJson, quarantineTable } from '../views/quarantine-view.ts';
import { timeJson, timeText } from '../views/time-text.ts';

/** Adds `stint audit gap list|skip`. */
export function addAuditGap(audit: Command, run: Runner): void {
  const gap = describeCommand(audit.command('gap'), {
    purpose: 'See which events of brokers are missing, and go on without them',
    examples: ['stint audit gap list'],
  });
  addList(gap, run);
  addSkip(gap, run);
}

function addList(parent: Command, run: Runner): void {
  const command = parent.command('list').action(
    run(async (session) => {
      const auditor = await session.channel('auditor');
      const { gaps } = await auditor.call(services.auditAdmin.ListGaps, {});
      const now = session.clock.now();
      session.output.result({
        json: { gaps: gaps.map(gapJson) },
        table: (paint) =>
          gaps.length === 0 ? 'no gaps\n' : gaps.map((gap) => gapText(gap, now, paint)).join('\n'),
      });
      return exitCodes.ok.code;
    }),
  );
  describeCommand(command, {
    purpose: 'List brokers whose logs stand still, and where they could go on',
    examples: ['stint audit gap list', 'stint audit gap list -o json'],
    notes: [
      'A broker sends again for ever what has no receipt: first mend why it does not come, or is refused.',
    ],
    next: ['stint audit quarantine list', 'stint audit gap skip BROKER --help'],
  });
}

type SkipOptions = RecordWords & { readonly missingFrom: number; readonly resumeAt: number };

function addSkip(parent: Command, run: Runner): void {
  const command = parent
    .command('skip <broker>')
    .requiredOption('--missing-from <seq>', 'the first missing event, as listed', readIndex)
    .requiredOption('--resume-at <seq>', 'the event to go on at, as listed', readIndex)
    .addOption(reasonOption())
    .addOption(operatorOption())
    .action(
      run<SkipOptions>(async (session, { args: [broker = ''], options }) => {
        const { missingFrom, resumeAt } = options;
        const auditor = await session.channel('auditor');
        const order = {
          spiffeId: parseSpiffeId(broker, 'broker'),
          missingFrom,
          resumeAt,
          ...recordedBy(options),
        };
        const { recordIndex } = await auditor
          .call(services.auditAdmin.SkipGap, order)
          .catch((thrown: unknown) => explainRefusal(thrown, { auditor, broker }));
        session.output.result({
          json: { record_index: recordIndex },
          table: () => `recorded in the log: record ${recordIndex}\n`,
        });
        session.output.note(`from now on: stint audit verify --known-skip ${recordIndex}`);
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Declare that missing events of a broker will never come, and go on without them',
    examples: [
      'stint audit gap skip spiffe://stint.local/stint/broker/b1 \\\n      --missing-from 4 --resume-at 5 --reason "disk lost, OPS-7"',
    ],
    notes: [
      'It cannot be undone. It becomes a record of the log, and the verifier (stint audit verify) tells the hole from then on.',
      'Nothing in the log changes, and no refused message gets in.',
    ],
    next: ['stint audit list --type log.', 'stint audit verify'],
  });
}

/** @throws CliError: the refusal with where to look, or that there is no such broker. */
async function explainRefusal(
  thrown: unknown,
  { auditor, broker }: { auditor: GrpcChannel; broker: string },
): Promise<never> {
  const isStale = isServiceError(thrown, 'CONCURRENT_UPDATE', 'GAP_NOT_SKIPPABLE');
  if (isStale) {
    const { sources } = await auditor.call(services.audit.GetStatus, {});
    if (!sources.some(({ spiffeId }) => spiffeId === broker))
      throw cliError('USAGE', {
        what: `"${broker}" has sent nothing to this log`,
        why: 'a gap is between events of a broker whose events have come',
        fix: 'name the broker as it is listed: stint audit gap list',
      });
  }
  if (isStale) throw withFix(thrown, 'stint audit gap list');
  throw withLateEffect(thrown, { effect: 'it may still be recorded', look: 'stint audit gap list' });
}

function gapJson(gap: Gap__Output): object {
  return {
    broker: gap.spiffeId,
    missing_from: gap.missingFrom,
    missing_since: timeJson(gap.missingSince),
    waiting: gap.waiting,
    resume_at: gap.resumeAt ?? null,
    blocked_by: gap.blockedBy === '' ? null : gap.blockedBy,
    refused: gap.refused.map(quarantinedJson),
  };
}

function gapText(gap: Gap__Output, now: UnixMs, paint: Painter): string {
  const facts = renderFacts(
    [
      ['broker', gap.spiffeId],
      ['missing from', { text: `event ${gap.missingFrom}`, paint: 'red' }],
      ['since', timeText(gap.missingSince, now)],
      ['waiting', `${gap.waiting} batches`],
      ['could go on at', gap.resumeAt === undefined ? undefined : `event ${gap.resumeAt}`],
      ['not now', gap.blockedBy === '' ? undefined : gap.blockedBy],
    ],
    paint,
  );
  return gap.refused.length === 0
    ? facts
    : `${facts}refused in its place:\n${quarantineTable(gap.refused, now, paint)}`;
}
