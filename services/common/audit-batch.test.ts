import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { suiteScope } from '../../test/harness/suite-scope.ts';
import { type TestTrust, testDomain, testTrust } from '../../test/harness/test-broker.ts';
import {
  batchHash,
  formatReceiptBody,
  makeEpochStarted,
  parseBatchHeader,
  parseReceiptBody,
  sealBatch,
  verifyBatch,
  verifyEpochStarted,
} from './audit-batch.ts';
import { ed25519RawKey } from './ed25519.ts';
import { stintIds } from './spiffe-id.ts';

const scope = suiteScope();
const now = Date.UTC(2026, 10, 22);
const broker = stintIds.broker(testDomain, 'b1');
const keys = generateKeyPairSync('ed25519');
let trust: TestTrust;
before(async () => {
  trust = await testTrust(scope, { now: () => now });
});

const facts = { broker, epoch: 1, first_seq: 1, prev_batch_sha256: '', time: '2026-11-22T00:00:00.000Z' };

test('a sealed batch verifies, its header reads back, and nothing of it can be changed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { minLength: 1, maxLength: 20 }),
      fc.nat(),
      (bodies, at) => {
        const events = bodies.map((body) => Buffer.from(body));
        const batch = sealBatch(facts, events, keys.privateKey);
        const header = parseBatchHeader(batch.header);
        assert.deepEqual(header, { ...facts, v: 1, count: events.length, root: header.root });
        assert.ok(verifyBatch(batch, header, keys.publicKey));
        const i = at % events.length;
        const changed = Buffer.concat([events[i] as Buffer, Buffer.from('x')]);
        assert.ok(!verifyBatch({ ...batch, events: events.with(i, changed) }, header, keys.publicKey));
        assert.ok(!verifyBatch({ ...batch, events: events.slice(1) }, header, keys.publicKey));
        assert.ok(!verifyBatch({ ...batch, signature: Buffer.alloc(64) }, header, keys.publicKey));
        assert.ok(!verifyBatch({ ...batch, signature: Buffer.alloc(0) }, header, keys.publicKey));
      },
    ),
    { numRuns: 40 },
  );
});

test('a header that is not exactly one is refused', () => {
  const good = sealBatch(facts, [Buffer.from('x')], keys.privateKey).header.toString();
  const bad = [
    '{}',
    '[]',
    'x',
    good.replace('"v":1', '"v":2'),
    good.replace('"count":1', '"count":0'),
    good.replace('"count":1', '"count":257'),
    good.replace('"epoch":1', '"epoch":1.5'),
    good.replace('"first_seq":1', '"first_seq":0'),
    good.replace('spiffe://', 'https://'),
    good.replace('2026-11-22T', '2026-11-22 '),
    good.replace('"v":1', '"v":1,"w":1'),
    ` ${good}`,
  ];
  for (const text of bad) assert.throws(() => parseBatchHeader(Buffer.from(text)), Error, text);
});

test('an epoch’s key is believed only with its broker’s SVID, in time, for that epoch', async () => {
  const { svid } = (await trust.source(broker)).current();
  const data = makeEpochStarted(3, keys.publicKey, svid);
  const expected = { broker, epoch: 3, rootsDer: trust.rootsDer, at: now };
  const verdict = verifyEpochStarted(data, expected);
  assert.ok(verdict.kind === 'valid');
  assert.deepEqual(ed25519RawKey(verdict.publicKey), ed25519RawKey(keys.publicKey));
  assert.deepEqual(verdict.chainDer.at(-1), trust.rootsDer[0]);

  const other = generateKeyPairSync('ed25519').publicKey;
  const refused: [string, unknown, Partial<typeof expected>][] = [
    ['another epoch', data, { epoch: 4 }],
    ['another broker', data, { broker: stintIds.broker(testDomain, 'b2') }],
    ['before its time', data, { at: now - 86_400_000 }],
    ['after its time', data, { at: now + 86_400_000 }],
    ['no roots', data, { rootsDer: [] }],
    ['foreign roots', data, { rootsDer: (await testTrust(scope, { now: () => now })).rootsDer }],
    ['another key', { ...data, public_key: ed25519RawKey(other).toString('base64') }, {}],
    ['no chain', { ...data, svid_chain: [] }, {}],
    ['a chain without its intermediate', { ...data, svid_chain: data.svid_chain.slice(0, 1) }, {}],
    ['a chain of junk', { ...data, svid_chain: ['AAAA'] }, {}],
    ['a chain too long', { ...data, svid_chain: Array(50).fill(data.svid_chain[0]) }, {}],
    ['no proof', { ...data, proof: '' }, {}],
    ['a text', 'x', {}],
    ['nothing', undefined, {}],
  ];
  for (const [what, given, change] of refused)
    assert.equal(verifyEpochStarted(given, { ...expected, ...change }).kind, 'invalid', what);
});

test('a receipt reads back, and neither passes for a checkpoint nor for another log’s', () => {
  const receipt = {
    broker,
    seq: 7,
    batchSha256: batchHash(Buffer.from('x')),
    treeSize: 9,
    treeRoot: Buffer.alloc(32, 1),
  };
  const text = formatReceiptBody('log.example', receipt);
  assert.deepEqual(parseReceiptBody('log.example', text), receipt);
  const bad = [
    '',
    text.slice(0, -1),
    `${text}more\n`,
    text.replace('\n7\n', '\n07\n'),
    text.replace('\n7\n', '\n9999999999999999\n'),
    text.replace('spiffe:', 'https:'),
    text.replace(/\n[^\n]+\n$/, '\nAAAA\n'),
  ];
  for (const changed of bad)
    assert.equal(parseReceiptBody('log.example', changed), undefined, JSON.stringify(changed));
  assert.equal(parseReceiptBody('other.example', text), undefined);
});
