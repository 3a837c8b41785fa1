import type { Command } from 'commander';
import { acquireAccess } from '../access.ts';
import { contextOption, readDuration } from '../arguments/option-values.ts';
import { withFix } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { accessJson, accessText, briefTtlText, keptText, unheededText } from '../views/access-view.ts';

type RequestOptions = {
  readonly reason: string;
  readonly ttl?: number;
  readonly context: Readonly<Record<string, string>>;
  readonly fresh: boolean;
  readonly showSecret: boolean;
};

/** Adds `stint request`. */
export function addRequestCommand(program: Command, run: Runner): void {
  const command = program
    .command('request <resource> <action>')
    .option('--reason <text>', 'why, for policy and the record', '')
    .option('--ttl <duration>', 'lifetime of the credential, which is renewed where it can be', readDuration)
    .addOption(contextOption())
    .option('--fresh', 'a lease of its own, never one that is held already', false)
    .option('--show-secret', 'show the password or token, also in JSON', false)
    .action(
      run<RequestOptions>(async (session, { args: [resource = '', action = ''], options }) => {
        const { reason, ttl, context, fresh, showSecret } = options;
        const question = { resource, action, justification: reason, context, ttlMs: ttl, fresh };
        const access = await acquireAccess(session, question);
        const now = session.clock.now();
        try {
          session.output.result({
            json: accessJson(access, { showSecret }),
            table: (paint) => accessText(access, { showSecret, now }, paint),
          });
        } catch (thrown) {
          const { id } = access.grant;
          throw withFix(thrown, `${id} is held all the same, give it back: stint release ${id}`);
        }
        const unheeded = unheededText(access, { reason, ttlMs: ttl }, now);
        if (unheeded !== undefined) session.output.warn(unheeded);
        const brief = briefTtlText(access, ttl);
        if (brief !== undefined) session.output.warn(brief);
        session.output.note(`${keptText(access, ttl)}; give it back: stint release ${access.grant.id}`);
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Ask for access and show what was given',
    examples: [
      'stint request demo-db read --reason "daily report"',
      'stint request demo-db read --ttl 2m --context ticket=OPS-7 -o json',
    ],
    notes: [
      'The sidecar holds the grant, and renews it up to its end, unless it is given back (stint release) or ended (stint revoke).',
      'Access that is held already, and lives long enough, is shared, and keeps its reason and its lifetime: --fresh asks for other ones.',
      'Passwords and tokens are shown only with --show-secret; without it they are null in JSON.',
    ],
    next: ['stint release GRANT', 'stint exec demo-db read -- psql', 'stint explain RESOURCE ACTION'],
  });
}
