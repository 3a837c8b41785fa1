import type { ListRegistryResponse__Output } from '@stint/common/gen/stint/broker/v1/ListRegistryResponse.ts';
import { services } from '@stint/common/proto.ts';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import type { Painter } from '../terminal/colors.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderTable } from '../terminal/table.ts';

/** Adds `stint registry list`. */
export function addRegistryCommands(program: Command, run: Runner): void {
  const registry = describeCommand(program.command('registry'), {
    purpose: 'See who is registered, and what can be asked for',
    examples: ['stint registry list'],
  });
  addList(registry, run);
}

function addList(parent: Command, run: Runner): void {
  const command = parent.command('list').action(
    run(async (session) => {
      const broker = await session.channel('broker');
      const registry = await broker.call(services.admin.ListRegistry, {});
      session.output.result({
        json: registryJson(registry),
        table: (paint) => registryText(registry, paint),
      });
      return exitCodes.ok.code;
    }),
  );
  describeCommand(command, {
    purpose: 'List identities, and resources with their actions',
    examples: ['stint registry list', 'stint registry list -o json'],
    next: ['stint explain RESOURCE ACTION --as SPIFFE_ID'],
  });
}

function registryJson({ identities, resources }: ListRegistryResponse__Output): object {
  return {
    identities: identities.map(({ spiffeId, kind, owner, environment, roles, state }) => ({
      spiffe_id: spiffeId,
      kind,
      owner,
      environment,
      roles,
      state,
    })),
    resources: resources.map(({ id, kind, owner, environment, labels, provider, actions }) => ({
      id,
      kind,
      owner,
      environment,
      labels,
      provider,
      actions,
    })),
  };
}

function registryText({ identities, resources }: ListRegistryResponse__Output, paint: Painter): string {
  const identityRows = identities.map(({ spiffeId, kind, state, environment, roles, owner }) => [
    spiffeId,
    kind,
    state,
    environment,
    roles.join(', '),
    owner,
  ]);
  const resourceRows = resources.map(({ id, kind, actions, environment, provider, owner }) => [
    id,
    kind,
    actions.join(', '),
    environment,
    provider,
    owner,
  ]);
  return [
    renderTable(['IDENTITY', 'KIND', 'STATE', 'ENVIRONMENT', 'ROLES', 'OWNER'], identityRows, paint),
    renderTable(['RESOURCE', 'KIND', 'ACTIONS', 'ENVIRONMENT', 'PROVIDER', 'OWNER'], resourceRows, paint),
  ].join('\n');
}
