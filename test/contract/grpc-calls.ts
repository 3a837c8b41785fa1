import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { type Client, Metadata } from '@grpc/grpc-js';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { type MethodRow, messageBytesMax } from '@stint/common/grpc-method.ts';
import type { GrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import { type CapturedLog, capturedLog } from '../harness/captured-log.ts';
import { type EchoHandlers, openRow } from '../harness/echo-server.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { until } from '../harness/until.ts';

/** An echo server on one transport, and ways to call it; all end with the test. */
export type CallPlace = {
  readonly server: GrpcServer;
  readonly channel: GrpcChannel;
  /** A client of grpc-js without anything of ours. */
  bareClient(): Client;
};

/** Starts a server, with these handlers in place of the usual ones. */
export type OpenCallPlace = (
  t: TestContext,
  handlers?: Partial<EchoHandlers>,
  replaced?: Replaced,
) => Promise<CallPlace>;

/** A log, and rows of the method table, in place of the usual ones. */
export type Replaced = { log?: CapturedLog } & Partial<Record<keyof EchoHandlers, MethodRow>>;

const { access } = services;

const never = () => Promise.withResolvers<never>().promise;

/** What a call promises, whichever transport carries it. */
export function describeCalls(echoOn: OpenCallPlace): void {
  describe('a unary call', () => {
    test('is answered, whether the handler answers at once or later', async (t) => {
      const { channel } = await echoOn(t);
      assert.equal((await channel.call(access.RequestAccess, { resource: 'db' })).grant?.resource, 'db');
      assert.equal((await channel.call(access.CompleteGrant, { grantId: 'g' })).grant?.id, 'g');
    });

    for (const [how, handler] of Object.entries({
      'throws at once': () => {
        throw new Error('postgres://app:hunter2@db');
      },
      'rejects later': () => Promise.reject(new Error('postgres://app:hunter2@db')),
      'rejects with no Error': () => Promise.reject('hunter2'),
    } as Record<string, EchoHandlers['RequestAccess']>)) {
      test(`whose handler ${how} ends as INTERNAL at once, with the cause only in the log`, async (t) => {
        const log = capturedLog();
        const { channel } = await echoOn(t, { RequestAccess: handler }, { log });
        await assert.rejects(channel.call(access.RequestAccess, {}), (thrown) => {
          assert.ok(isServiceError(thrown, 'INTERNAL'));
          assert.doesNotMatch(JSON.stringify([thrown.message, thrown.metadata]), /hunter2/);
          const line = log.lines.find(({ message }) => message === 'call failed');
          assert.equal(line?.['request_id'], thrown.metadata['request_id']);
          return true;
        });
        assert.doesNotMatch(log.text(), /app:hunter2@/);
      });
    }

    test('refused by its handler carries reason, facts and wait', async (t) => {
      const refusal = new ServiceError('QUOTA_EXCEEDED', 'three leases at most', {
        metadata: { max: '3' },
        retryAfterMs: 250,
      });
      const { channel } = await echoOn(t, { RequestAccess: () => Promise.reject(refusal) });
      await assert.rejects(channel.call(access.RequestAccess, {}), (thrown) => {
        assert.ok(isServiceError(thrown, 'QUOTA_EXCEEDED'));
        assert.deepEqual(
          [thrown.message, thrown.metadata, thrown.retryAfterMs],
          [refusal.message, { max: '3' }, 250],
        );
        return true;
      });
    });

    test("ends at the row's deadline when the caller would wait longer, and its handler is told", async (t) => {
      let told: unknown;
      const rows = { RequestAccess: { ...openRow, deadlineMs: { default: 20, max: 50 } } };
      const handler: EchoHandlers['RequestAccess'] = (_request, call) =>
        new Promise(() => call.signal.addEventListener('abort', () => (told = call.signal.reason)));
      const { channel } = await echoOn(t, { RequestAccess: handler }, rows);
      await assert.rejects(
        channel.call(access.RequestAccess, {}, { deadlineMs: 60_000 }),
        refusedAs('DEADLINE_EXCEEDED'),
      );
      assert.ok(isServiceError(told, 'DEADLINE_EXCEEDED'));
    });

    test('ends at the default deadline when the caller sets none', async (t) => {
      const rows = { RequestAccess: { ...openRow, deadlineMs: { default: 20, max: 60_000 } } };
      const { bareClient } = await echoOn(t, { RequestAccess: () => never() }, rows);
      const bare = bareClient();
      t.after(() => bare.close());
      const { path: method, requestSerialize, responseDeserialize } = access.RequestAccess;
      const code = await new Promise((resolve) =>
        bare.makeUnaryRequest(method, requestSerialize, responseDeserialize, {}, (failure) =>
          resolve(failure?.code),
        ),
      );
      assert.equal(code, 4);
    });

    test('given up by its caller tells the handler, and is no fault', async (t) => {
      const log = capturedLog();
      const entered = Promise.withResolvers<AbortSignal>();
      const handler: EchoHandlers['RequestAccess'] = (_request, call) => {
        entered.resolve(call.signal);
        return once(call.signal, 'abort').then(() => Promise.reject(call.signal.reason));
      };
      const { channel } = await echoOn(t, { RequestAccess: handler }, { log });
      const controller = new AbortController();
      const call = channel.call(access.RequestAccess, {}, { signal: controller.signal });
      const signal = await entered.promise;
      controller.abort(new Error('changed my mind'));
      await assert.rejects(call, /changed my mind/);
      if (!signal.aborted) await once(signal, 'abort');
      assert.equal(
        log.lines.some(({ level }) => level === 'error'),
        false,
      );
    });

    test('over the concurrency limit is RATE_LIMITED with a wait; the place is free again afterwards', async (t) => {
      const gate = Promise.withResolvers<void>();
      const rows = { RequestAccess: { ...openRow, concurrencyMax: 1 } };
      const { channel } = await echoOn(t, { RequestAccess: () => gate.promise.then(() => ({})) }, rows);
      const first = channel.call(access.RequestAccess, {});
      await assert.rejects(channel.call(access.RequestAccess, {}), (thrown) => {
        assert.ok(isServiceError(thrown, 'RATE_LIMITED'));
        return (thrown.retryAfterMs ?? 0) > 0;
      });
      gate.resolve();
      await first;
      await channel.call(access.RequestAccess, {});
    });

    test("above its row's size is MESSAGE_TOO_LARGE with the limit; above the server's it is too", async (t) => {
      const { channel } = await echoOn(t, {}, { RequestAccess: { ...openRow, requestBytesMax: 100 } });
      await assert.rejects(channel.call(access.RequestAccess, { resource: 'x'.repeat(200) }), (thrown) => {
        assert.ok(isServiceError(thrown, 'MESSAGE_TOO_LARGE'));
        return thrown.metadata['bytes_max'] === '100';
      });
      const huge = { resource: 'x'.repeat(messageBytesMax) };
      await assert.rejects(channel.call(access.RequestAccess, huge), refusedAs('MESSAGE_TOO_LARGE'));
    });

    test('with bytes that are no message is INVALID_FIELD', async (t) => {
      const { channel } = await echoOn(t);
      const garbled = { ...access.RequestAccess, requestSerialize: () => Buffer.from('ffffffff', 'hex') };
      await assert.rejects(channel.call(garbled, {}), refusedAs('INVALID_FIELD'));
    });

    test("with metadata over HTTP/2's limit fails, and the connection goes on", async (t) => {
      const { channel } = await echoOn(t);
      const metadata = { filler: 'x'.repeat(100_000) };
      await assert.rejects(channel.call(access.RequestAccess, {}, { metadata }));
      await channel.call(access.RequestAccess, {});
    });

    test('whose answer cannot be encoded is INTERNAL, with the cause in the log', async (t) => {
      const log = capturedLog();
      const handler = (() => ({ grant: [] })) as unknown as EchoHandlers['RequestAccess'];
      const { channel } = await echoOn(
        t,
        { RequestAccess: (() => []) as unknown as typeof handler },
        { log },
      );
      await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('INTERNAL'));
      assert.match(log.text(), /could not be encoded/);
    });

    test("to nobody is what the channel's maker says it is", async (t) => {
      const { channel, server } = await echoOn(t);
      await server.close(0);
      await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('BROKER_UNAVAILABLE'));
    });

    test('of a method that the server does not have is METHOD_NOT_ALLOWED', async (t) => {
      const { channel } = await echoOn(t);
      await assert.rejects(channel.call(services.admin.ReloadPolicy, {}), refusedAs('METHOD_NOT_ALLOWED'));
    });

    test('by a kind of caller that its row does not name is METHOD_NOT_ALLOWED', async (t) => {
      const { channel } = await echoOn(t, {}, { RequestAccess: { ...openRow, callers: ['anonymous'] } });
      await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('METHOD_NOT_ALLOWED'));
    });
  });

  describe('a bidirectional stream', () => {
    test('carries frames both ways and ends with both', async (t) => {
      const { channel } = await echoOn(t);
      const stream = channel.bidi(access.Session);
      stream.write({ messages: [{ id: 1, alive: {} }] });
      const seen: number[] = [];
      for await (const frame of stream) {
        seen.push(...frame.messages.map(({ id }) => id));
        if (seen.length === 3) stream.end();
        else stream.write({ messages: [{ id: seen.length + 1, alive: {} }] });
      }
      assert.deepEqual(seen, [1, 2, 3]);
    });

    test('ends with the reason that its handler throws, after what was written before', async (t) => {
      const Session: EchoHandlers['Session'] = async (stream) => {
        stream.write({ messages: [{ id: 7, alive: {} }] });
        await Promise.resolve();
        throw new ServiceError('IDENTITY_SUSPENDED', 'not any more');
      };
      const { channel } = await echoOn(t, { Session });
      const seen: number[] = [];
      await assert.rejects(async () => {
        for await (const frame of channel.bidi(access.Session))
          seen.push(...frame.messages.map(({ id }) => id));
      }, refusedAs('IDENTITY_SUSPENDED'));
      assert.deepEqual(seen, [7]);
    });

    test('gives its slow reader all that arrived before the failure, then the failure', async (t) => {
      const Session: EchoHandlers['Session'] = async (stream) => {
        for (let id = 1; id <= 10; id++) stream.write({ messages: [{ id, alive: {} }] });
        await Promise.resolve();
        throw new ServiceError('IDENTITY_SUSPENDED', 'not any more');
      };
      const { channel } = await echoOn(t, { Session });
      const seen: number[] = [];
      await assert.rejects(async () => {
        for await (const frame of channel.bidi(access.Session)) {
          seen.push(...frame.messages.map(({ id }) => id));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      }, refusedAs('IDENTITY_SUSPENDED'));
      assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test('leaks nothing when its handler breaks', async (t) => {
      const { channel } = await echoOn(t, { Session: () => Promise.reject(new Error('hunter2')) });
      await assert.rejects(
        async () => {
          for await (const _frame of channel.bidi(access.Session)) assert.fail('nothing was sent');
        },
        (thrown) => isServiceError(thrown, 'INTERNAL') && !/hunter2/.test(thrown.message),
      );
    });

    test('tells its handler when the peer goes away, and the place is free again', async (t) => {
      const gone = Promise.withResolvers<unknown>();
      const Session: EchoHandlers['Session'] = async (stream, call) => {
        try {
          for await (const _frame of stream) stream.write({});
        } finally {
          gone.resolve(call.signal.aborted);
        }
      };
      const row: MethodRow = { ...openRow, deadlineMs: 'endless', concurrencyMax: 1 };
      const { channel } = await echoOn(t, { Session }, { Session: row });
      const open = async () => {
        const stream = channel.bidi(access.Session);
        t.after(() => stream.cancel());
        stream.write({});
        await stream[Symbol.asyncIterator]().next();
        return stream;
      };
      const stream = await open();
      await assert.rejects(open(), refusedAs('RATE_LIMITED'));
      stream.cancel();
      assert.equal(await gone.promise, true);
      await until('the place is free', 10_000, open);
    });

    test('holds its writer back when the reader is slow, and loses nothing', async (t) => {
      const total = 2_000;
      const justification = 'x'.repeat(1_000);
      let waits = 0;
      const Session: EchoHandlers['Session'] = async (stream) => {
        for (let id = 1; id <= total; id++) {
          const messages = [{ id, access: { grant: { justification } } }];
          if (stream.write({ messages })) continue;
          waits++;
          await stream.drained();
        }
      };
      const { channel } = await echoOn(t, { Session });
      let next = 1;
      for await (const frame of channel.bidi(access.Session)) assert.equal(frame.messages[0]?.id, next++);
      assert.equal(next, total + 1);
      assert.ok(waits > 0, 'the writer never had to wait');
    });
  });

  describe('a server', () => {
    test('that stops answers what is under way, refuses what is new and ends streams', async (t) => {
      const entered = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const RequestAccess: EchoHandlers['RequestAccess'] = async () => {
        entered.resolve();
        await gate.promise;
        return { replayed: true };
      };
      const { channel, server } = await echoOn(t, { RequestAccess });
      const stream = channel.bidi(access.Session);
      stream.write({ messages: [{ id: 1, alive: {} }] });
      const frames = stream[Symbol.asyncIterator]();
      await frames.next();
      const underWay = channel.call(access.RequestAccess, {});
      await entered.promise;
      const closed = server.close(5_000);
      await assert.rejects(frames.next(), refusedAs('SHUTTING_DOWN'));
      gate.resolve();
      assert.equal((await underWay).replayed, true);
      await closed;
    });

    test('that stops cuts a handler which never settles, at the deadline', async (t) => {
      const entered = Promise.withResolvers<void>();
      const RequestAccess: EchoHandlers['RequestAccess'] = () => {
        entered.resolve();
        return never();
      };
      const { channel, server } = await echoOn(t, { RequestAccess });
      const failure = assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('BROKER_UNAVAILABLE'));
      await entered.promise;
      await server.close(20);
      await failure;
    });
  });

  test('a bare client sees the status text and the details trailer, and no header of ours', async (t) => {
    const { bareClient } = await echoOn(t, {
      RequestAccess: () => Promise.reject(new ServiceError('GRANT_DENIED', 'no: "why"')),
    });
    const bare = bareClient();
    t.after(() => bare.close());
    const { path: method, requestSerialize, responseDeserialize } = access.RequestAccess;
    const failure = await new Promise<{ code: number; details: string; metadata: Metadata }>((resolve) =>
      bare.makeUnaryRequest(
        method,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata(),
        { deadline: Date.now() + 1_000 },
        (error) => resolve(error as never),
      ),
    );
    assert.equal(failure.code, 7);
    assert.equal(failure.details, 'no: "why"');
    assert.equal(failure.metadata.get('grpc-status-details-bin').length, 1);
  });

  test('many writers that wait for room on one stream wait together, without a warning', async (t) => {
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown) => warnings.push(warning);
    process.on('warning', onWarning);
    t.after(() => process.off('warning', onWarning));
    const Session: EchoHandlers['Session'] = async (stream) => {
      const justification = 'x'.repeat(10_000);
      const write = async (id: number) => {
        const messages = [{ id, access: { grant: { justification } } }];
        if (!stream.write({ messages })) await stream.drained();
      };
      await Promise.all(Array.from({ length: 300 }, (_, id) => write(id + 1)));
    };
    const { channel } = await echoOn(t, { Session });
    let count = 0;
    for await (const frame of channel.bidi(access.Session)) count += frame.messages.length;
    assert.equal(count, 300);
    assert.deepEqual(warnings, []);
  });
}
