import { plainText } from '@stint/common/plain-text.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { Command } from 'commander';
import { ttlOption } from '../arguments/option-values.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { timeJson, timeText } from '../views/time-text.ts';

/** Adds `stint token create`. */
export function addTokenCommands(program: Command, run: Runner): void {
  const token = describeCommand(program.command('token'), {
    purpose: 'Make join tokens, by which a new part proves what it is',
    examples: ['stint token create spiffe://stint.local/demo/report-job'],
  });
  addCreate(token, run);
}

function addCreate(parent: Command, run: Runner): void {
  const command = parent
    .command('create <spiffe-id>')
    .addOption(ttlOption('how long it may wait to be used, 1s to 24h', 600_000))
    .action(
      run<{ ttl: number }>(async (session, { args: [text = ''], options }) => {
        const spiffeId = parseSpiffeId(text);
        const broker = await session.channel('broker');
        const request = { spiffeId, ttl: toDuration(options.ttl) };
        const { token, expiresAt } = await broker.call(services.admin.CreateJoinToken, request);
        session.output.result({
          json: { spiffe_id: spiffeId, token, expires_at: timeJson(expiresAt) },
          table: () => `${plainText(token)}\n`,
        });
        session.output.note(`for ${spiffeId}, once, until ${timeText(expiresAt, session.clock.now()) ?? ''}`);
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Make a single-use join token for an identity',
    examples: [
      'stint token create spiffe://stint.local/demo/report-job',
      '(umask 077; stint token create spiffe://stint.local/demo/ci-deploy \\\n      --ttl 1h > join-token)',
    ],
    notes: ['The token is a secret until it is used, and is shown only this once.'],
    next: ['stint registry list'],
  });
}
