import { isServiceError } from '@stint/common/errors.ts';
import type { ReloadPolicyResponse__Output } from '@stint/common/gen/stint/broker/v1/ReloadPolicyResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import type { Command } from 'commander';
import { withFix, withLateEffect } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderFacts } from '../terminal/table.ts';
import { pathText } from '../views/path-text.ts';

/** Adds `stint policy reload`. */
export function addPolicyCommands(program: Command, run: Runner): void {
  const policy = describeCommand(program.command('policy'), {
    purpose: 'Bring changed policies and registry into force',
    examples: ['stint policy reload'],
  });
  addReload(policy, run);
}

function addReload(parent: Command, run: Runner): void {
  const command = parent.command('reload').action(
    run(async (session) => {
      const broker = await session.channel('broker');
      const { policySha256, policies, grantsEnded } = await reload(broker);
      const facts: [string, string][] = [
        ['in force', policySha256],
        ['policies', String(policies)],
      ];
      if (grantsEnded > 0) facts.push(['ending', `${grantsEnded} live grants of suspended identities`]);
      session.output.result({
        json: { policy_sha256: policySha256, policies, grants_ended: grantsEnded },
        table: (paint) => renderFacts(facts, paint),
      });
      return exitCodes.ok.code;
    }),
  );
  describeCommand(command, {
    purpose: 'Read the policy and registry directory again',
    examples: ['stint policy reload'],
    notes: [
      'A directory with a fault is refused whole, and what is in force stays.',
      'Whoever is suspended by it gets no more access, and what he has ends now.',
    ],
    next: ['stint explain RESOURCE ACTION', 'stint registry list'],
  });
}

/** @throws CliError that says which directory the files of the faults stand in. */
async function reload(broker: GrpcChannel): Promise<ReloadPolicyResponse__Output> {
  try {
    return await broker.call(services.admin.ReloadPolicy, {});
  } catch (thrown) {
    const directory = isServiceError(thrown, 'POLICY_INVALID') ? thrown.metadata['bundle_dir'] : undefined;
    if (directory === undefined)
      throw withLateEffect(thrown, {
        effect: 'the changes may still come into force',
        look: 'stint audit list --type policy.',
      });
    throw withFix(thrown, `mend it in ${pathText(directory, process.cwd())}, then: stint policy reload`);
  }
}
