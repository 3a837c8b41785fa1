import path from 'node:path';
import { ensurePrivateDirectory, replacePrivateFile } from '@stint/common/private-file.ts';
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
import { momentText } from '../views/time-text.ts';

/** Adds `stint svid mint`. */
export function addSvidCommands(program: Command, run: Runner): void {
  const svid = describeCommand(program.command('svid'), {
    purpose: 'Certify infrastructure that cannot attest by itself',
    examples: ['stint svid mint spiffe://stint.local/stint/viewer/siem --out ./viewer'],
  });
  addMint(svid, run);
}

function addMint(parent: Command, run: Runner): void {
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
