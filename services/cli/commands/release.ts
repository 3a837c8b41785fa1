import type { Command } from 'commander';
import { readId } from '../arguments/typed-id.ts';
import { exitCodes } from '../exit-codes.ts';
import { releaseGrant, requireContained } from '../revocation.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { leaseJson, releasedText } from '../views/grant-view.ts';

/** Adds `stint release`. */
export function addReleaseCommand(program: Command, run: Runner): void {
  const command = program.command('release <grant>').action(
    run(async (session, { args: [id = ''] }) => {
      const grantId = readId('grant', id, 'GRANT');
      const { completed, grant, leases } = await releaseGrant(session, grantId);
      const now = session.clock.now();
      session.output.result({
        json: {
          grant_id: grantId,
          completed,
          end_reason: grant === null || grant.endReason === '' ? null : grant.endReason,
          leases: leases.map(leaseJson),
        },
        table: (paint) => releasedText({ grantId, completed, grant, leases }, now, paint),
      });
      requireContained(grantId, leases);
      return exitCodes.ok.code;
    }),
  );
  describeCommand(command, {
    purpose: 'Give access back and wait until nobody can use it',
    examples: ['stint release grt_01m8167zc3v2e0q6j4s9d5n1wk'],
    notes: [
      'While the target is down it cannot be ended: the command exits with 1 then, and Stint goes on trying.',
    ],
    next: ['stint grants show GRANT', 'stint audit list --grant GRANT'],
  });
}
