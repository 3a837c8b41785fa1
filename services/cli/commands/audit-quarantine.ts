import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { isServiceError } from '@stint/common/errors.ts';
import type { QuarantinedMessage__Output } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import { services } from '@stint/common/proto.ts';
import type { Command } from 'commander';
import { readLimit, readNewFileName } from '../arguments/option-values.ts';
import { operatorOption, type RecordWords, reasonOption, recordedBy } from '../arguments/record-words.ts';
import { readRefusedNumber } from '../arguments/typed-id.ts';
import { quarantinedMessages } from '../audit/quarantined-messages.ts';
import { incompleteAnswer, type LateEffect, withFix, withLateEffect } from '../cli-error.ts';
import type { CommandSession } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { quarantinedJson, quarantinedText, quarantineTable } from '../views/quarantine-view.ts';

/** Adds `stint audit quarantine list|show|dismiss`. */
export function addAuditQuarantine(audit: Command, run: Runner): void {
  const quarantine = describeCommand(audit.command('quarantine'), {
    purpose: 'See what the auditor refused, and say when it has been dealt with',
    examples: ['stint audit quarantine list', 'stint audit quarantine show 3'],
  });
  addList(quarantine, run);
  addShow(quarantine, run);
  addDismiss(quarantine, run);
}

function addList(quarantine: Command, run: Runner): void {
  const command = quarantine
    .command('list')
    .option('--all', 'also what an operator has settled', false)
    .option('--limit <count>', 'how many at most, 1 to 1000', readLimit, 50)
    .action(
      run<{ all: boolean; limit: number }>(async (session, { options }) => {
        const messages = await listMessages(session, options);
        const now = session.clock.now();
        session.output.result({
          json: { messages: messages.map(quarantinedJson) },
          table: (paint) => quarantineTable(messages, now, paint),
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'List messages that the auditor refused and put aside',
    examples: ['stint audit quarantine list', 'stint audit quarantine list --all -o json'],
    notes: [
      '"equivocation" is an alarm: a broker signed two histories. Its store, or its key, is in wrong hands.',
    ],
    next: ['stint audit quarantine show ID', 'stint audit gap list'],
  });
}

async function listMessages(session: CommandSession, { all, limit }: { all: boolean; limit: number }) {
  const auditor = await session.channel('auditor');
  const found: QuarantinedMessage__Output[] = [];
  for await (const message of quarantinedMessages(auditor, { all, wanted: limit })) {
    found.push(message);
    if (found.length === limit) break;
  }
  return found;
}

function addShow(quarantine: Command, run: Runner): void {
  const command = quarantine
    .command('show')
    .argument('<id>', 'its number')
    .option('--out <file>', 'write its bytes there; the file must not exist', readNewFileName)
    .action(
      run<{ out?: string }>(async (session, { args: [id = ''], options }) => {
        const wanted = { id: readRefusedNumber(id) };
        const auditor = await session.channel('auditor');
        const { message, payload } = await auditor
          .call(services.auditAdmin.GetQuarantined, wanted)
          .catch(pointToList);
        if (message === null) throw incompleteAnswer('the auditor answered without a message');
        // Hostile bytes: private, and never in the place of something else.
        if (options.out !== undefined)
          writeFileSync(path.resolve(options.out), payload, { mode: 0o600, flag: 'wx' });
        const now = session.clock.now();
        session.output.result({
          json: quarantinedJson(message),
          table: (paint) => quarantinedText(message, now, paint),
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Show one refused message',
    examples: ['stint audit quarantine show 3', 'stint audit quarantine show 3 --out refused.bin'],
    notes: [
      'Its bytes are a SignedBatch (proto/stint/audit/v1/batch.proto), or anything that somebody sent.',
    ],
    next: ['stint audit gap list', 'stint audit quarantine dismiss ID --reason TEXT'],
  });
}

function addDismiss(quarantine: Command, run: Runner): void {
  const command = quarantine
    .command('dismiss')
    .argument('<id>', 'its number')
    .addOption(reasonOption())
    .addOption(operatorOption())
    .action(
      run<RecordWords>(async (session, { args: [id = ''], options }) => {
        const order = { id: readRefusedNumber(id), ...recordedBy(options) };
        const auditor = await session.channel('auditor');
        const { recordIndex } = await auditor
          .call(services.auditAdmin.DismissQuarantined, order)
          .catch(pointToList)
          .catch((thrown: unknown) => {
            throw withLateEffect(thrown, lateRecord);
          });
        session.output.result({
          json: { record_index: recordIndex },
          table: () => `recorded in the log: record ${recordIndex}\n`,
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Say that a refused message has been dealt with',
    examples: ['stint audit quarantine dismiss 3 --reason "a test of ours, OPS-7"'],
    notes: [
      'It stays where it is, and is counted no more. That, its hash and your reason become a record of the log.',
    ],
    next: ['stint audit list --type log.'],
  });
}

const lateRecord: LateEffect = {
  effect: 'it may still be recorded',
  look: 'stint audit quarantine list --all',
};

function pointToList(thrown: unknown): never {
  const isStale = isServiceError(thrown, 'RECORD_NOT_FOUND', 'CONCURRENT_UPDATE');
  throw isStale ? withFix(thrown, 'stint audit quarantine list --all') : thrown;
}
