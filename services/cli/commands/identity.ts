import path from 'node:path';
import { plainText } from '@stint/common/plain-text.ts';
import { ensurePrivateDirectory, replacePrivateFile } from '@stint/common/private-file.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { formatTime, type UnixMs } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import type { Command } from 'commander';
import { readNewDirectoryName, ttlOption } from '../arguments/option-values.ts';
import { exitCodes } from '../exit-codes.ts';
import { mintSvid } from '../mint-svid.ts';
import type { Runner } from '../run-command.ts';
import type { Painter } from '../terminal/colors.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderFacts } from '../terminal/table.ts';
import { momentText, timeJson, timeText } from '../views/time-text.ts';

/** Adds the commands that give parts of the mesh an identity: `token create` and `svid mint`. */
export function addIdentityCommands(program: Command, run: Runner): void {
  const token = describeCommand(program.command('token'), {
    purpose: 'Make join tokens, by which a new part proves what it is',
    examples: ['stint token create spiffe://stint.local/demo/report-job'],
  });
  addTokenCreate(token, run);
  const svid = describeCommand(program.command('svid'), {
    purpose: 'Certify infrastructure that cannot attest by itself',
    examples: ['stint svid mint spiffe://stint.local/stint/viewer/siem --out ./viewer'],
  });
  addSvidMint(svid, run);
}

function addTokenCreate(parent: Command, run: Runner): void {
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

function addSvidMint(parent: Command, run: Runner): void {
  const command = parent
    .command('mint <spiffe-id>')
    .requiredOption(
      '--out <directory>',
      'where to put svid.pem, svid.key and bundle.pem',
      readNewDirectoryName,
    )
    .addOption(ttlOption('lifetime, 1m to 24h', 3_600_000))
    .action(
      run<{ out: string; ttl: number }>(async (session, { args: [text = ''], options }) => {
        const spiffeId = parseSpiffeId(text);
        const directory = path.resolve(options.out);
        const state = await mintSvid(session, { spiffeId, ttlMs: options.ttl });
        await ensurePrivateDirectory(directory);
        const files = await writeSvid(directory, state);
        const now = session.clock.now();
        session.output.result({
          json: mintedJson(state, files),
          table: (paint) => mintedText({ state, files, now }, paint),
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Make a key and an SVID for infrastructure: the bus, an outside viewer',
    examples: ['stint svid mint spiffe://stint.local/stint/viewer/siem --out ./viewer'],
    notes: [
      'The directory must be yours alone (0700); it is made when it is not there. Files are replaced whole.',
    ],
  });
}

type SvidFiles = { readonly key: string; readonly certificates: string; readonly bundle: string };

/** Writes the three files, each whole; the key first, so that no certificate stands without its key. */
async function writeSvid(directory: string, { svid, bundlePem }: SvidState): Promise<SvidFiles> {
  const files = {
    key: path.join(directory, 'svid.key'),
    certificates: path.join(directory, 'svid.pem'),
    bundle: path.join(directory, 'bundle.pem'),
  };
  await replacePrivateFile(files.key, svid.privateKeyPem.revealText());
  await replacePrivateFile(files.certificates, svid.certificatesPem);
  await replacePrivateFile(files.bundle, bundlePem);
  return files;
}

function mintedJson({ svid }: SvidState, files: SvidFiles): object {
  return {
    spiffe_id: svid.spiffeId,
    expires_at: formatTime(svid.expiresAt),
    key_file: files.key,
    certificate_file: files.certificates,
    bundle_file: files.bundle,
  };
}

function mintedText(
  { state, files, now }: { state: SvidState; files: SvidFiles; now: UnixMs },
  paint: Painter,
): string {
  const { svid } = state;
  return renderFacts(
    [
      ['identity', svid.spiffeId],
      ['ends', momentText(svid.expiresAt, now)],
      ['key', files.key],
      ['certificates', files.certificates],
      ['bundle', files.bundle],
    ],
    paint,
  );
}
