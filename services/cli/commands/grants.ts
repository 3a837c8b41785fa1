import { suggestName } from '@stint/common/name-suggestion.ts';
import { services } from '@stint/common/proto.ts';
import type { Command } from 'commander';
import { readLimit, readSpiffeId } from '../arguments/option-values.ts';
import { readId } from '../arguments/typed-id.ts';
import type { CommandSession } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { grantAnswer, grantJson, grantTable } from '../views/grant-view.ts';
import { endNote } from '../views/record-view.ts';

/** Grants in one answer of the broker, at most. Source: stint.broker.v1.ListGrantsRequest.page_size. */
const pageSizeMax = 500;

/** Why grants end, as their `end_reason` has it. */
const endReasonNotes = [
  'completed: given back. expired: its time was up. revoked: ended by somebody. suspended: its identity was. abandoned: its workload went away, and the sidecar gave it back.',
  'undelivered: nobody took what was made, which was removed after 5 s. creation_failed: the target made nothing. outcome_unknown: it did not say what it made, which was removed.',
];

type ListOptions = {
  readonly live: boolean;
  readonly holder: string;
  readonly resource: string;
  readonly limit: number;
};

/** Adds `stint grants list|show`. */
export function addGrantCommands(program: Command, run: Runner): void {
  const grants = describeCommand(program.command('grants'), {
    purpose: 'See who has, or had, access to what',
    examples: ['stint grants list --live', 'stint grants show grt_01m8167zc3v2e0q6j4s9d5n1wk'],
  });
  addList(grants, run);
  addShow(grants, run);
}

function addList(grants: Command, run: Runner): void {
  const command = grants
    .command('list')
    .option('--live', 'only grants that have not ended', false)
    .option('--holder <spiffe-id>', 'only grants of this identity', readSpiffeId, '')
    .option('--resource <id>', 'only grants on this resource', '')
    .option('--limit <count>', 'how many at most, 1 to 1000', readLimit, 50)
    .action(
      run<ListOptions>(async (session, { options }) => {
        const grants = await listGrants(session, options);
        const now = session.clock.now();
        session.output.result({
          json: { grants: grants.map(grantJson) },
          table: (paint) => grantTable(grants, now, paint),
        });
        if (grants.length === 0) await warnOfUnknown(session, options);
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'List grants, newest first',
    examples: ['stint grants list', 'stint grants list --live --resource demo-db -o json'],
    notes: ['END is when a grant ends or ended, and why where its state does not say it.', ...endReasonNotes],
    next: ['stint grants show GRANT', 'stint revoke GRANT --reason TEXT'],
  });
}

async function listGrants(session: CommandSession, options: ListOptions) {
  const broker = await session.channel('broker');
  const filter = { spiffeId: options.holder, resource: options.resource, liveOnly: options.live };
  const ask = (pageToken: string, wanted: number) =>
    broker.call(services.admin.ListGrants, { ...filter, pageSize: Math.min(wanted, pageSizeMax), pageToken });
  let page = await ask('', options.limit);
  const grants = [...page.grants];
  while (page.nextPageToken !== '' && grants.length < options.limit) {
    page = await ask(page.nextPageToken, options.limit - grants.length);
    grants.push(...page.grants);
  }
  return grants;
}

/** Says that nobody can have had a grant so, where a filter names what is not registered: it may be mistyped. */
async function warnOfUnknown(session: CommandSession, { resource, holder }: ListOptions): Promise<void> {
  if (resource === '' && holder === '') return;
  const broker = await session.channel('broker');
  const { resources, identities } = await broker.call(services.admin.ListRegistry, {});
  const filters = [
    { kind: 'resource', name: resource, known: resources.map(({ id }) => id) },
    { kind: 'identity', name: holder, known: identities.map(({ spiffeId }) => spiffeId) },
  ];
  for (const { kind, name, known } of filters) {
    if (name === '' || known.includes(name)) continue;
    const meant = suggestName(name, known);
    session.output.warn(
      `no ${kind} "${name}" is registered; ${meant === '' ? '' : `${meant} `}see: stint registry list`,
    );
  }
}

function addShow(grants: Command, run: Runner): void {
  const command = grants.command('show <grant>').action(
    run(async (session, { args: [grantId = ''] }) => {
      const broker = await session.channel('broker');
      const request = { grantId: readId('grant', grantId, 'GRANT') };
      const found = await broker.call(services.admin.GetGrant, request);
      const note = found.grant?.endReason === 'revoked' ? await recordedNote(session, request) : undefined;
      const now = session.clock.now();
      session.output.result(grantAnswer({ ...found, note }, now, { end_note: note ?? null }));
      return exitCodes.ok.code;
    }),
  );
  describeCommand(command, {
    purpose: 'Show one grant and its leases',
    examples: ['stint grants show grt_01m8167zc3v2e0q6j4s9d5n1wk'],
    notes: [
      ...endReasonNotes,
      'LAST ERROR is the code of how the last call at the target failed; DEADLINE: it did not answer in time.',
    ],
    next: ['stint audit list --grant GRANT', 'stint revoke GRANT --reason TEXT'],
  });
}

/** Longest wait for the words of a record, in milliseconds: the grant is shown without them. */
const noteMsMax = 2_000;

/** What the operator said who revoked a grant: the broker keeps it in the record alone. Undefined while that cannot be read. */
async function recordedNote(
  session: CommandSession,
  { grantId }: { grantId: string },
): Promise<string | undefined> {
  try {
    const auditor = await session.channel('auditor');
    const request = { grantId, typePrefix: 'lease.revok' };
    const answer = await auditor.call(services.audit.ListRecords, request, { deadlineMs: noteMsMax });
    return endNote(answer.records);
  } catch {
    return undefined; // the auditor is down, or elsewhere: the grant is the broker's to tell
  }
}
