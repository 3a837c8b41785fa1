import path from 'node:path';
import { readCertificateFile } from '@stint/common/input-file.ts';
import type { BusRefusal } from '@stint/common/nats.ts';
import { readPrivateFile } from '@stint/common/private-file.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId, parseTrustDomain, stintIds, trustDomainOf } from '@stint/common/spiffe-id.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import type { Command } from 'commander';
import { BusRefusedError, createBus } from '../../../deploy/nats/create-bus.ts';
import { natsServerConfig } from '../../../deploy/nats/server-config.ts';
import { oneMore, readDirectoryName } from '../arguments/option-values.ts';
import { cliError } from '../cli-error.ts';
import type { CommandSession } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import { mintSvid } from '../mint-svid.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { tellLongWait } from '../terminal/long-wait.ts';

/** Life of the nats-admin's SVID that is made for one command, in milliseconds. */
const adminTtlMs = 60_000;

/** Adds `stint bus config|create`: what a NATS server of one's own needs. */
export function addBusCommands(program: Command, run: Runner): void {
  const bus = describeCommand(program.command('bus'), {
    purpose: 'Set up a NATS server of your own as the bus',
    examples: [
      'stint bus config --broker b1 --svid /etc/nats/stint',
      'stint bus create --server nats.example.org:4222',
    ],
  });
  addConfig(bus, run);
  addCreate(bus, run);
}

type ConfigOptions = {
  readonly broker: readonly string[];
  readonly viewer: readonly string[];
  readonly trustDomain: string;
  readonly svid: string;
  readonly listen: string;
  readonly storeDir: string;
};

function addConfig(bus: Command, run: Runner): void {
  const command = bus
    .command('config')
    .requiredOption(
      '--svid <directory>',
      "where the server's svid.pem, svid.key and bundle.pem will be, absolute",
    )
    .option('--broker <name>', 'a broker that may publish; may be repeated', oneMore, [])
    .option('--viewer <name>', 'a viewer that may listen; may be repeated', oneMore, [])
    .option('--trust-domain <name>', 'the trust domain', 'stint.local')
    .option('--listen <host:port>', 'where clients connect', '0.0.0.0:4222')
    .option('--store-dir <directory>', "the server's folder for the stream", '/var/lib/nats')
    .action(
      run<ConfigOptions>((session, { options }) => {
        const config = configText(options);
        session.output.result({ json: { config }, table: () => config });
        return Promise.resolve(exitCodes.ok.code);
      }),
    );
  describeCommand(command, {
    purpose: 'Print nats.conf: TLS, and who may do what',
    examples: [
      'stint bus config --broker b1 --svid /etc/nats/stint > nats.conf',
      'nats-server -t -c nats.conf',
    ],
    notes: ['It needs no mesh. A new broker or viewer is a new nats.conf and a SIGHUP.'],
    next: [
      'stint svid mint spiffe://stint.local/stint/nats --out DIR --ttl 24h',
      'stint bus create --server HOST:PORT',
    ],
  });
}

function configText({ svid, broker, viewer, trustDomain, listen, storeDir }: ConfigOptions): string {
  const relative = [svid, storeDir].find((directory) => !path.isAbsolute(directory));
  if (relative !== undefined || broker.length === 0)
    throw cliError('USAGE', {
      what: relative === undefined ? 'no broker is named' : `"${relative}" is not absolute`,
      why: relative === undefined ? 'nobody could publish' : 'the server may run in any directory',
      fix: relative === undefined ? 'name it with --broker' : 'give the whole path',
    });
  try {
    return natsServerConfig({
      trustDomain: parseTrustDomain(trustDomain),
      brokers: broker,
      viewers: viewer,
      certificateFile: path.join(svid, 'svid.pem'),
      keyFile: path.join(svid, 'svid.key'),
      trustBundleFile: path.join(svid, 'bundle.pem'),
      listen,
      storeDirectory: storeDir,
    });
  } catch (thrown) {
    throw cliError(
      'USAGE',
      {
        what: 'the configuration cannot be made',
        why: thrown instanceof Error ? thrown.message : String(thrown),
        fix: 'names are letters, digits and "-"; paths hold no quotes',
      },
      thrown,
    );
  }
}

function addCreate(bus: Command, run: Runner): void {
  const command = bus
    .command('create')
    .requiredOption('--server <host:port>', 'where the NATS server listens')
    .option(
      '--svid <directory>',
      'an SVID of nats-admin (default: one is minted by the broker)',
      readDirectoryName,
    )
    .action(
      run<{ server: string; svid?: string }>(async (session, { options: { server, svid } }) => {
        const state = svid === undefined ? await mintAdmin(session) : await readSvid(path.resolve(svid));
        const answer = createBus(server, state).catch((thrown: unknown) => {
          throw unusable(server, thrown);
        });
        const describe = () => `still waiting for the bus at "${server}" to answer; Ctrl-C gives up`;
        const created = await tellLongWait(session.output, { answer, describe });
        session.output.result({
          json: { server, created },
          table: () =>
            created ? 'stream and consumer are there\n' : 'stream and consumer were there already\n',
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Make the stream and the auditor’s consumer at a NATS server, or bring them up to date',
    examples: [
      'stint bus create --server nats.example.org:4222',
      'stint svid mint spiffe://stint.local/stint/nats-admin --out admin',
      'stint bus create --server localhost:4222 --svid admin',
    ],
    notes: ['Run again, it changes nothing. The server must have the SVID of stint/nats.'],
    next: ['stint status'],
  });
}

async function mintAdmin(session: CommandSession): Promise<SvidState> {
  const broker = await session.channel('broker');
  const { spiffeId } = await broker.call(services.admin.GetStatus, {});
  const admin = stintIds.natsAdmin(trustDomainOf(parseSpiffeId(spiffeId)));
  return mintSvid(session, { spiffeId: admin, ttlMs: adminTtlMs });
}

/** Reads what `stint svid mint` wrote. @throws InputFileError, PrivateFileError, or ServiceError when they do not belong together. */
async function readSvid(directory: string): Promise<SvidState> {
  const certificates = (name: string) => readCertificateFile(path.join(directory, name));
  const issued = { certificatesDer: certificates('svid.pem'), bundleDer: certificates('bundle.pem') };
  return assembleSvidState(issued, await readPrivateFile(path.join(directory, 'svid.key')));
}

/** What to do about a server that did not take us. */
const fixes = {
  unreachable: 'start nats-server there, or name another with --server; its nats.conf: stint bus config',
  silent: 'look into its log; after a TLS fault, mint its SVID and that of nats-admin at one broker',
  refused:
    'see that nats-server runs there with the printed nats.conf and an SVID of stint/nats that has not ended',
} as const satisfies Record<BusRefusal, string>;

function unusable(server: string, thrown: unknown): Error {
  const isRefused = thrown instanceof BusRefusedError;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return cliError(
    'BUS_UNUSABLE',
    {
      what: `the bus at "${server}" was not set up`,
      why: isRefused ? thrown.why : text,
      fix: fixes[isRefused ? thrown.kind : 'refused'],
    },
    thrown,
  );
}
