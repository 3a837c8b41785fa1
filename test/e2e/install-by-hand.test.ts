import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import { Mesh } from '../../deploy/mesh/mesh.ts';
import { startChild } from '../../deploy/servers/child.ts';
import { freePort } from '../../deploy/servers/free-port.ts';
import { natsServerPath, repositoryRoot } from '../../deploy/tools.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';

const run = promisify(execFile);
const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');

describe('a NATS server of one’s own, set up by what the command line prints', {
  skip: skipWithoutPostgres || skipWithoutNats,
}, () => {
  const scope = suiteScope();
  let directory = '';
  let port = 0;

  const stint = async (...args: string[]) =>
    (await run(process.execPath, [launcher, ...args], { cwd: directory })).stdout;

  before(async () => {
    directory = tempDir(scope);
    mkdirSync(path.join(directory, 'nats'));
    const mesh = await Mesh.start({
      stateDirectory: path.join(directory, '.stint'),
      environment: { PATH: process.env['PATH'] ?? '' },
      args: { broker: ['--nats-host-names', 'localhost,bus.example.org,192.0.2.7'] },
    });
    scope.after(() => mesh.stop());
    port = await freePort();
  });

  it('gets a certificate for the hosts that the broker was told', async () => {
    await stint('svid', 'mint', 'spiffe://stint.local/stint/nats', '--out', 'svid', '--ttl', '24h');
    await stint('svid', 'mint', 'spiffe://stint.local/stint/viewer/siem', '--out', 'viewer');
    const names = (file: string) =>
      new X509Certificate(readFileSync(path.join(directory, file, 'svid.pem'))).subjectAltName;
    assert.equal(
      names('svid'),
      'URI:spiffe://stint.local/stint/nats, DNS:localhost, DNS:bus.example.org, IP Address:192.0.2.7',
    );
    assert.equal(names('viewer'), 'URI:spiffe://stint.local/stint/viewer/siem');
  });

  it('takes the printed configuration, and gets stream and consumer, once and again', async () => {
    const file = path.join(directory, 'nats.conf');
    const places = ['--svid', path.join(directory, 'svid'), '--store-dir', path.join(directory, 'nats')];
    const names = ['--broker', 'b1', '--viewer', 'siem'];
    writeFileSync(file, await stint('bus', 'config', ...names, ...places, '--listen', `127.0.0.1:${port}`));
    const program = natsServerPath() ?? '';
    await run(program, ['-t', '-c', file]);
    const server = await startChild({
      name: 'nats-server',
      command: [program, '-c', file],
      directory,
      environment: {},
      logFile: path.join(directory, 'nats.log'),
      isReady: (line) => line.includes('Server is ready'),
      readyDeadlineMs: 20_000,
      deathSignal: 'KILL',
    });
    scope.after(async () => void (await server.stop('SIGTERM', 10_000)));
    const created = 'stream and consumer are there\n';
    assert.equal(await stint('bus', 'create', '--server', `localhost:${port}`), created);
    await stint('svid', 'mint', 'spiffe://stint.local/stint/nats-admin', '--out', 'admin');
    assert.equal(
      await stint('bus', 'create', '--server', `localhost:${port}`, '--svid', 'admin'),
      'stream and consumer were there already\n',
    );
    const admin = await connectAs('admin', '_INBOX.nats-admin');
    const manager = await jetstreamManager(admin, { checkAPI: false });
    assert.deepEqual((await manager.streams.info(bus.stream)).config.subjects, [bus.batchSubjects]);
    assert.equal((await manager.consumers.info(bus.stream, bus.consumer)).name, bus.consumer);
    await admin.close();
  });

  it('is set up by nobody but nats-admin', async () => {
    await assert.rejects(stint('bus', 'create', '--server', `localhost:${port}`, '--svid', 'viewer'), {
      code: 1,
      stderr: /BUS_UNUSABLE/,
    });
  });

  /** A stock client, by host name and certificate. */
  function connectAs(name: string, inboxPrefix: string) {
    const file = (part: string) => path.join(directory, name, part);
    const tls = { caFile: file('bundle.pem'), certFile: file('svid.pem'), keyFile: file('svid.key') };
    return connect({ servers: `localhost:${port}`, tls, inboxPrefix });
  }
});
