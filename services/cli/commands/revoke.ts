import type { Command } from 'commander';
import { readId } from '../arguments/typed-id.ts';
import { exitCodes } from '../exit-codes.ts';
import { requireContained, revokeGrant } from '../revocation.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { endedBeforeText, grantAnswer } from '../views/grant-view.ts';

/** Adds `stint revoke`. */
export function addRevokeCommand(program: Command, run: Runner): void {
  const command = program
    .command('revoke <grant>')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--no-wait', 'do not wait until nobody can use the credential')
    .action(
      run<{ reason: string; wait: boolean }>(async (session, { args: [grant = ''], options }) => {
        const grantId = readId('grant', grant, 'GRANT');
        const revocation = await revokeGrant(session, { grantId, ...options });
        const { endedBefore } = revocation;
        const now = session.clock.now();
        session.output.result(grantAnswer(revocation, now, { already_ended: endedBefore !== undefined }));
        if (endedBefore !== undefined) session.output.warn(endedBeforeText(endedBefore, now));
        if (options.wait) requireContained(grantId, revocation.leases);
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'End a grant now, whoever holds it',
    examples: ['stint revoke grt_01m8167zc3v2e0q6j4s9d5n1wk --reason "laptop lost"'],
    notes: [
      'Sessions at the target are cut; the command returns when the target says that nobody is left.',
      'After 30 s without that, or when a lease is stuck, it says what is left and exits with 1; Stint goes on trying.',
      'A grant that was ending or had ended stays as it is: that is said, and the new reason is not recorded.',
    ],
    next: ['stint grants show GRANT', 'stint audit list --grant GRANT'],
  });
}
