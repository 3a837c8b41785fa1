import path from 'node:path';
import { readPasswordFile } from '@stint/common/private-file.ts';
import { type Command, InvalidArgumentError } from 'commander';
import {
  postgresSetupScript,
  postgresVersionMax,
  postgresVersionMin,
} from '../../../deploy/postgres/setup-script.ts';
import { oneMore } from '../arguments/option-values.ts';
import { cliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';

type SetupOptions = {
  readonly group: readonly string[];
  readonly database: readonly string[];
  readonly brokerRole: string;
  readonly serverVersion: number;
  readonly passwordFile?: string;
};

/** Adds `stint postgres setup-sql`: what makes a PostgreSQL of one's own a target. */
export function addPostgresCommands(program: Command, run: Runner): void {
  const postgres = describeCommand(program.command('postgres'), {
    purpose: 'Set up a PostgreSQL of your own as a target',
    examples: ['stint postgres setup-sql --group shop_read --database shop'],
  });
  const command = postgres
    .command('setup-sql')
    .option('--group <role>', "a profile's group role; may be repeated", oneMore, [])
    .option('--database <name>', "a resource's database; may be repeated", oneMore, [])
    .option('--broker-role <role>', 'the role that the broker logs in with', 'stint_broker')
    .option(
      '--server-version <major>',
      `major version of the server, from ${postgresVersionMin}`,
      readMajor,
      16,
    )
    .option(
      '--password-file <file>',
      "file (0600) with the broker's password; its verifier is printed, not it",
    )
    .action(
      run<SetupOptions>(async (session, { options }) => {
        const sql = await setupSql(options);
        session.output.result({ json: { sql }, table: () => sql });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Print the SQL that gives the broker its rights at a server, and no more',
    examples: [
      'stint postgres setup-sql --group shop_read --database shop > setup.sql',
      'psql -v ON_ERROR_STOP=1 -f setup.sql postgres',
    ],
    notes: [
      'It needs no mesh. A superuser runs it; run again, it changes nothing.',
      'What a group may do is granted by the owner of the data: GRANT SELECT ON orders TO shop_read.',
      'On PostgreSQL 15 the broker’s role reaches every role that is no superuser: use 16 or later.',
    ],
    next: ['stint registry list'],
  });
}

async function setupSql(options: SetupOptions): Promise<string> {
  const { group, database, brokerRole, serverVersion, passwordFile } = options;
  if (group.length === 0)
    throw cliError('USAGE', {
      what: 'no group role is named',
      why: 'a lease gets its rights from the group of its profile',
      fix: 'name each with --group',
    });
  const brokerPassword =
    passwordFile === undefined ? undefined : await readPasswordFile(path.resolve(passwordFile));
  try {
    return await postgresSetupScript({
      majorVersion: serverVersion,
      brokerRole,
      brokerPassword,
      groupRoles: group,
      databases: database,
    });
  } catch (thrown) {
    throw cliError(
      'USAGE',
      {
        what: 'the SQL cannot be made',
        why: thrown instanceof Error ? thrown.message : String(thrown),
        fix: 'mend the name',
      },
      thrown,
    );
  }
}

function readMajor(text: string): number {
  const major = Number(text);
  if (/^\d{1,2}$/.test(text) && major >= postgresVersionMin && major <= postgresVersionMax) return major;
  throw new InvalidArgumentError(
    `It must be a whole number from ${postgresVersionMin} to ${postgresVersionMax}.`,
  );
}
