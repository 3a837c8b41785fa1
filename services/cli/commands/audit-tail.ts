import { services } from '@stint/common/proto.ts';
import type { Command } from 'commander';
import { readEventType, readIndex, readLimit } from '../arguments/option-values.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderRow } from '../terminal/table.ts';
import { recordCells, recordJson } from '../views/record-view.ts';

type TailOptions = { readonly from?: number; readonly type: string; readonly limit?: number };

/** Adds `stint audit tail`. */
export function addAuditTail(audit: Command, run: Runner): void {
  const command = audit
    .command('tail')
    .option('--from <index>', 'from this record on, then new ones (default: only new ones)', readIndex)
    .option('--type <prefix>', 'only events whose type begins so: grant.', readEventType, '')
    .option('--limit <count>', 'end after so many, 1 to 1000', readLimit)
    .action(
      run<TailOptions>(async (session, { options }) => {
        const auditor = await session.channel('auditor');
        // A stream of one that hangs looks like that of a log in which nothing happens: whether it answers is asked first.
        await auditor.call(services.audit.GetStatus, {});
        const { from, type: typePrefix, limit = Number.POSITIVE_INFINITY } = options;
        const request = { typePrefix, ...(from === undefined ? {} : { fromIndex: from }) };
        let shown = 0;
        session.output.note('records as they are written; Ctrl-C ends');
        for await (const { records } of auditor.serverStream(services.audit.TailRecords, request)) {
          for (const record of records.slice(0, limit - shown)) {
            shown++;
            session.output.item({
              json: recordJson(record),
              table: (paint) => renderRow(recordCells(record), paint),
            });
          }
          if (shown >= limit) break;
        }
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Show records as they are written',
    examples: ['stint audit tail', 'stint audit tail --from 0 --type grant. -o json'],
    notes: [
      'JSON is one record a line. Each record is durable when it is shown; what checks its proof: stint audit list',
    ],
    next: ['stint audit list', 'stint grants show GRANT'],
  });
}
