import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startService } from '../../deploy/mesh/service-process.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');

test('status says why a sidecar has no identity and what to do, and its log says so in short lines', async (t) => {
  const directory = tempDir(t);
  const at = (name: string) => path.join(directory, name);
  const socket = at('run/sidecar.sock');
  const options = {
    '--socket': socket,
    '--broker': '127.0.0.1:1',
    '--bootstrap': '127.0.0.1:1',
    '--bundle-file': at('roots.pem'),
    '--join-token-file': at('join-token'),
  };
  const sidecar = await startService({
    name: 'sidecar',
    program: 'services/sidecar/main.ts',
    args: Object.entries(options).flat(),
    environment: { PATH: process.env['PATH'] ?? '' },
    logFile: at('sidecar.log'),
  });
  t.after(() => sidecar.stop());
  const fault = `the sidecar has no identity: there is no SVID yet: the join token in "${at('join-token')}" is missing: have the operator make one for this identity and write it there, mode 0600; it is read again at each try`;
  await until('status says why', 10_000, async () => {
    const { parts } = await statusOf(socket);
    return parts.sidecar.problems.some((problem) => problem.startsWith(fault)) ? true : undefined;
  });
  const { stdout } = await stintAt(socket, ['status']);
  assert.match(stdout, /^sidecar +unwell .*; leases held: 0; version /m);
  assert.doesNotMatch(stdout, /SVID ends/);
  const explained = await stintAt(socket, ['explain', 'demo-db', 'read']);
  assert.equal(explained.code, 4);
  assert.match(
    explained.stderr,
    /fix: name whose question it is: --as SPIFFE_ID;.*\n {2}code: IDENTITY_NOT_READY\n/,
  );
  const lines = readFileSync(at('sidecar.log'), 'utf8').split('\n');
  const refusals = lines.filter((line) => line.includes('no new SVID'));
  assert.notEqual(refusals.length, 0);
  for (const line of refusals) assert.ok(line.length < 800 && !line.includes('    at '), line);
});

type Status = { readonly parts: { readonly sidecar: { readonly problems: readonly string[] } } };

async function statusOf(socket: string): Promise<Status> {
  return JSON.parse((await stintAt(socket, ['status', '-o', 'json'])).stdout) as Status;
}

type CommandEnd = { readonly stdout: string; readonly stderr: string; readonly code: number | null };

/** Runs a command beside a sidecar alone: neither broker nor auditor is there. */
function stintAt(socket: string, command: readonly string[]): Promise<CommandEnd> {
  const nowhere = ['--broker-socket', '/nowhere', '--auditor-socket', '/nowhere'];
  const args = [launcher, ...command, '--sidecar-socket', socket, ...nowhere];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, (_fault, stdout, stderr) =>
      resolve({ stdout, stderr, code: child.exitCode }),
    );
  });
}
