import assert from 'node:assert/strict';
import type { ErrorReason } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { ServerMessage__Output } from '@stint/common/gen/stint/broker/v1/ServerMessage.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { fromRpcStatus } from '@stint/common/grpc-status.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { endedEarly } from '../../services/broker/app/ending/ended-early.ts';
import { type AccessServiceParts, accessService } from '../../services/broker/rpc/access-service.ts';
import { TrustFeed } from '../../services/broker/rpc/trust-feed.ts';
import { BrokerCore, reader } from './broker-core.ts';
import { connectTo, echoServerId, meshListener } from './echo-server.ts';
import type { Scope } from './temp-dir.ts';
import { type LeafOptions, TestCa } from './test-ca.ts';
import { until } from './until.ts';

const { access } = services;

/** A broker's access service over mutual TLS, on real use cases apart from what a test replaces. */
export async function served(
  scope: Scope,
  replaced: (core: BrokerCore) => Partial<AccessServiceParts> = () => ({}),
) {
  const core = await BrokerCore.start(scope);
  const ca = await TestCa.create();
  const trusted = { x509Authorities: [ca.rootDer], jwks: '{"keys":[]}', issuer: 'https://broker.test' };
  const trust = new TrustFeed(
    () => trusted,
    () => core.clock.now(),
  );
  const parts: AccessServiceParts = {
    requestAccess: core.request,
    endGrant: core.endGrant,
    renewLease: core.renewal,
    acknowledge: core.delivery,
    feed: core.feed,
    endedEarly: () => endedEarly({ ...core, store: core.store.grants }),
    trust,
    clock: systemClock,
    log: core.log,
    ...replaced(core),
  };
  const server = await startGrpcServer({
    name: 'broker',
    listeners: [meshListener(await ca.source(echoServerId))],
    services: [accessService(parts)],
    log: core.log,
    clock: systemClock,
  });
  scope.after(() => server.close(0));
  const channel = async (spiffeId: SpiffeId = reader, leaf: LeafOptions = {}) =>
    connectTo(scope, server, { source: await ca.source(spiffeId, leaf) });
  const open = async (spiffeId?: SpiffeId, leaf?: LeafOptions) =>
    new SessionClient(await channel(spiffeId, leaf));
  return { core, trust, trusted, channel, open };
}

/** A sidecar's end of a session, which keeps all that it hears. */
export class SessionClient {
  /** Frames in order of arrival. */
  readonly frames: ServerMessage__Output[][] = [];
  /** How the stream ended; undefined while it is open. */
  end: { readonly failure: unknown } | undefined;
  readonly #stream: ReturnType<GrpcChannel['bidi']>;
  #ids = 0;

  constructor(channel: GrpcChannel, options: { isReading?: boolean } = {}) {
    this.#stream = channel.bidi(access.Session) as ReturnType<GrpcChannel['bidi']>;
    if (options.isReading !== false) this.read();
  }

  read(): void {
    const take = async () => {
      for await (const frame of this.#stream)
        this.frames.push((frame as { messages: ServerMessage__Output[] }).messages);
    };
    void take().then(
      () => {
        this.end = { failure: undefined };
      },
      (failure: unknown) => {
        this.end = { failure };
      },
    );
  }

  get messages(): ServerMessage__Output[] {
    return this.frames.flat();
  }

  /** Sends one frame; ids are given in order, to messages that have none. Returns them, and whether there is room for more. */
  send(bodies: readonly ClientMessage[]): { ids: number[]; hasRoom: boolean } {
    const messages = bodies.map((body) => ({ ...body, id: Number(body.id ?? ++this.#ids) }));
    const hasRoom = this.#stream.write({ messages });
    return { ids: messages.map(({ id }) => id), hasRoom };
  }

  /** The answer to one question. */
  async ask(body: Omit<ClientMessage, 'id'>): Promise<ServerMessage__Output> {
    const [id] = this.send([body]).ids;
    return await this.answer(id ?? 0);
  }

  async answer(id: number): Promise<ServerMessage__Output> {
    return await until(`answer ${id}`, 10_000, () => this.messages.find((message) => message.id === id));
  }

  /** What was pushed, once there are so many pushes. */
  async pushes(count: number): Promise<ServerMessage__Output[]> {
    return await until(`${count} pushes`, 10_000, () => {
      const pushed = this.messages.filter(({ id }) => id === 0);
      return pushed.length >= count ? pushed : undefined;
    });
  }

  hangUp(): void {
    this.#stream.cancel();
  }
}

/** The error that an answer tells; it must be that one. */
export function refusal(answer: ServerMessage__Output, reason: ErrorReason) {
  const { failure } = answer;
  assert.ok(failure, `no failure: ${answer.body}`);
  const error = fromRpcStatus(failure);
  assert.equal(error.reason, reason, error.message);
  return error;
}

/** A question for a user of the database, for a minute. */
export function readQuestion(core: BrokerCore): Omit<ClientMessage, 'id'> {
  const { ttlMs: _, ...question } = core.question();
  return { requestAccess: { ...question, ttl: toDuration(60_000) } };
}

/** The shortest question. */
export const alive = { alive: {} } satisfies Omit<ClientMessage, 'id'>;
