import path from 'node:path';
import { ServiceError } from '@stint/common/errors.ts';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import type { ServiceContext } from '@stint/common/lifecycle.ts';
import type { Log } from '@stint/common/log.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import type { SidecarConfig } from '../../services/sidecar/config.ts';
import { startSidecar } from '../../services/sidecar/wire.ts';
import { FakeBroker } from '../fakes/fake-broker.ts';
import { capturedLog } from './captured-log.ts';
import { type FaultProxy, faultProxy } from './fault-proxy.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { type SettableSvidSource, TestCa } from './test-ca.ts';

/** Whom the sidecar of a test stands beside. */
export const workloadId = 'spiffe://stint.local/ci/deploy';

/** A sidecar with its broker, a proxy between them, and a workload's connection. */
export type SidecarUnderTest = {
  readonly broker: FakeBroker;
  readonly proxy: FaultProxy;
  readonly ca: TestCa;
  readonly svids: SettableSvidSource;
  /** Makes the SVID end, and come back, as sleeping past its end would. */
  readonly sleep: (isAsleep: boolean) => void;
  readonly workload: GrpcChannel;
  /** One more connection of the workload. */
  readonly connect: () => GrpcChannel;
  readonly socket: string;
  readonly logText: () => string;
  /** Stops the sidecar as SIGTERM would. May be called once; the scope's end does it otherwise. */
  stop(): Promise<void>;
};

export type SidecarUnderTestOptions = {
  readonly config?: Partial<SidecarConfig>;
  readonly clock?: Clock;
  /** Shorter than the real ones, so that silence is noticed within a test. */
  readonly aliveMs?: number;
  readonly log?: Log;
};

/** Starts a sidecar against a fake broker; all of it ends with the scope. */
export async function startSidecarUnderTest(
  scope: Scope,
  options: SidecarUnderTestOptions = {},
): Promise<SidecarUnderTest> {
  // The sidecar stops before its broker, so that it can give back what it holds.
  const undo: (() => void | Promise<void>)[] = [];
  const inner: Scope = { after: (step) => undo.push(step) };
  scope.after(async () => {
    for (const step of undo.reverse()) await step();
  });
  const ca = await TestCa.create();
  const broker = new FakeBroker(await ca.source('spiffe://stint.local/stint/broker/b1'));
  await broker.start();
  inner.after(() => broker.stop());
  const proxy = await faultProxy(inner, broker.address);
  const svids = await ca.source(workloadId);
  let isAsleep = false;
  const sleeper: SvidSource = {
    current: () => {
      if (isAsleep) throw new ServiceError('IDENTITY_NOT_READY', 'the SVID expired');
      return svids.current();
    },
    onChange: (listener) => svids.onChange(listener),
  };
  const sleep = (asleep: boolean) => {
    isAsleep = asleep;
  };
  const captured = capturedLog();
  const parts: ((deadlineMs: number) => void | Promise<void>)[] = [];
  const service: ServiceContext = {
    log: options.log ?? captured.log,
    onStop: (_part, stop) => void parts.push(stop),
    fail: (part, cause) => {
      throw new Error(`${part} failed`, { cause });
    },
  };
  const socket = path.join(tempDir(inner), 'run', 'sidecar.sock');
  const config: SidecarConfig = {
    trustDomain: 'stint.local',
    spiffeId: undefined,
    socket: undefined,
    broker: { host: proxy.host, port: proxy.port },
    bootstrap: { host: proxy.host, port: proxy.port },
    bundleFile: '',
    joinTokenFile: '',
    stateFile: undefined,
    leasesMax: 10_000,
    verifySilenceMax: 60_000,
    exitWithParent: false,
    ...options.config,
  };
  const { clock = systemClock, aliveMs } = options;
  const linkTimes = aliveMs === undefined ? {} : { linkTimes: { aliveMs, deadMs: aliveMs * 3 } };
  await startSidecar(config, service, { socket, clock, svids: sleeper, ...linkTimes });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (const part of parts.reverse()) await part(1_500);
    })();
    return stopping;
  };
  inner.after(stop);
  const connect = () => {
    const channel = connectGrpc({
      target: { unixPath: socket },
      unavailable: 'BROKER_UNAVAILABLE',
      clock: systemClock,
      log: captured.log,
    });
    inner.after(() => channel.close());
    return channel;
  };
  const workload = connect();
  return { broker, proxy, ca, svids, sleep, workload, connect, socket, logText: captured.text, stop };
}
