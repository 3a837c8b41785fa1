import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { bus } from '@stint/common/bus.ts';
import {
  BusLink,
  type BusLinkEvent,
  busUserName,
  serverIdentityFault,
  unflushedBytesMax,
} from '@stint/common/nats.ts';
import { parseSpiffeId, type SpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { type AuditBus, connected, startAuditBus } from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { testDomain, testTrust } from '../harness/test-broker.ts';

const viewer = stintIds.viewer(testDomain, 'siem');
const auditor = stintIds.auditor(testDomain);

describe('the link to the bus', { skip: skipWithoutNats }, () => {
  const scope = suiteScope();
  let auditBus: AuditBus;
  before(async () => {
    auditBus = await startAuditBus(scope, await testTrust(scope, systemClock), {
      brokers: ['b1'],
      viewers: ['siem'],
    });
  });

  /** A link whose events are watched; `until` resolves at the next event of a kind. */
  async function watched(id: SpiffeId, change: { server?: SpiffeId; port?: number } = {}) {
    const events: BusLinkEvent[] = [];
    const waiting = new Set<() => void>();
    const source = await auditBus.trust.source(id);
    const link = new BusLink({
      servers: [`127.0.0.1:${change.port ?? auditBus.nats.current().port}`],
      svid: source,
      server: change.server ?? stintIds.nats(testDomain),
      onEvent: (event) => {
        events.push(event);
        for (const wake of [...waiting]) wake();
      },
    });
    scope.after(() => link.close());
    const until = (kind: BusLinkEvent['kind'], times: number) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (events.filter((event) => event.kind === kind).length < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    return { link, source, events, until };
  }

  test('a rotated SVID is shown at once, and the link works on', async () => {
    const { link, source, until } = await watched(auditor);
    link.start();
    await until('connected', 1);
    await source.attempt();
    await until('connected', 2);
    const listener = (await connected(await auditBus.link(viewer))).subscribe(bus.eventSubjects, { max: 1 });
    await (await connected(await auditBus.link(viewer))).flush();
    await until('connected', 2);
    const sending = setInterval(() => link.publish('auditlog.a.b', Buffer.from('x')), 20);
    for await (const message of listener) assert.equal(message.subject, 'auditlog.a.b');
    clearInterval(sending);
  });

  test('a server that is somebody else is refused, whatever its host name', async () => {
    const { link, events, until } = await watched(auditor, { server: stintIds.broker(testDomain, 'b1') });
    link.start();
    await until('refused', 1);
    assert.match(events[0]?.detail ?? '', /the server is not "spiffe:\/\/stint.local\/stint\/broker\/b1"/);
    assert.equal(link.isConnected, false);
  });

  test('an identity that the server does not know is refused, told why, and tries on', async () => {
    const stranger = stintIds.viewer(testDomain, 'stranger');
    const { link, events, until } = await watched(stranger);
    link.start();
    await until('refused', 2);
    const { detail = '' } = events.find(({ kind }) => kind === 'refused') ?? {};
    assert.match(
      detail,
      /^Authorization Violation: .*nats\.conf has no user "\S+\/viewer\/stranger".*stint bus config/,
    );
    assert.equal(link.isConnected, false);
  });

  test('without a server it waits in the background, drops what is published, and connects when there is one', async () => {
    const { link, until } = await watched(auditor);
    assert.equal(link.publish('auditlog.a.b', Buffer.from('x')), false);
    await auditBus.nats.crash();
    link.start();
    await until('unreachable', 1);
    assert.equal(link.publish('auditlog.a.b', Buffer.from('x')), false);
    await auditBus.nats.restart();
    await until('connected', 1);
    assert.equal(link.publish('auditlog.a.b', Buffer.from('x')), true);
  });

  test('a server that does not keep up costs a bounded amount of memory', async () => {
    const { link, until } = await watched(auditor);
    link.start();
    await until('connected', 1);
    const part = Buffer.alloc(1_000_000);
    // In one turn of the event loop nothing can be flushed.
    const taken = Array.from({ length: 20 }, () => link.publish('auditlog.a.b', part)).filter(Boolean).length;
    assert.equal(taken, Math.floor(unflushedBytesMax / part.length));
    await link.connection?.flush();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(link.publish('auditlog.a.b', part), true, 'what is flushed counts no more');
  });

  test('a closed link is closed, also while it connects', { timeout: 10_000 }, async () => {
    const { link, events } = await watched(auditor);
    link.start();
    await link.close();
    assert.equal(link.connection?.isClosed(), true);
    assert.deepEqual(events, []);
  });
});

test('a server’s certificate must name exactly the one SPIFFE ID among whatever else it names', () => {
  const expected = stintIds.nats(testDomain);
  const fault = (subjectaltname?: string) =>
    serverIdentityFault(expected, subjectaltname === undefined ? {} : { subjectaltname });
  assert.equal(fault(`URI:${expected}`), undefined);
  assert.equal(fault(`DNS:localhost, URI:${expected}, IP Address:127.0.0.1`), undefined);
  const refused = [
    undefined,
    '',
    'DNS:localhost',
    `URI:${expected}/x`,
    `URI:${expected}, URI:${expected}`,
    `DNS:"x, URI:${expected}"`,
    `DNS:URI:${expected}`,
    `URI:${expected}, URI:spiffe://stint.local/a`,
  ];
  for (const names of refused) assert.ok(fault(names) instanceof Error, names ?? 'no name');
});

test('no two identities have one inbox, nor one inside another’s', () => {
  assert.equal(busUserName(stintIds.broker(testDomain, 'b1')), 'broker_b1');
  assert.equal(busUserName(stintIds.auditor(testDomain)), 'auditor');
  for (const text of [
    'spiffe://stint.local/stint/broker/a.b',
    'spiffe://stint.local/stint/broker/a_b',
    'spiffe://stint.local/ci/deploy',
  ]) {
    assert.throws(() => busUserName(parseSpiffeId(text)), /cannot have an inbox/);
  }
});
