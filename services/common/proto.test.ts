import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { codecs, services } from './proto.ts';

const protoRoot = fileURLToPath(new URL('../../proto', import.meta.url));

test('every service of the contract, and every method of it, is served from here', () => {
  const texts = globSync('stint/**/*.proto', { cwd: protoRoot }).map((file) =>
    readFileSync(path.join(protoRoot, file), 'utf8'),
  );
  const written = texts.flatMap((text) => {
    const packageName = /^package (.+);/m.exec(text)?.[1];
    return [...text.matchAll(/^service (\w+) \{(.*?)^\}/gms)].flatMap(([, service, body]) =>
      [...(body ?? '').matchAll(/^ {2}rpc (\w+)\(/gm)].map(
        ([, method]) => `/${packageName}.${service}/${method}`,
      ),
    );
  });
  const loaded = Object.values(services).flatMap((service) =>
    Object.values(service).map((method) => method.path),
  );
  assert.ok(written.length >= 28, String(written.length));
  assert.deepEqual(loaded.toSorted(), written.toSorted());
});

test('messages come out as the generated types say: numbers, null for an absent message, nothing for an absent optional', () => {
  const { responseSerialize, responseDeserialize } = services.audit.ListRecords;
  const empty = responseDeserialize(responseSerialize({}));
  assert.deepEqual(empty, { records: [] });
  const page = responseDeserialize(
    responseSerialize({ records: [{ index: 9_007_199_254_740_991, leaf: Buffer.from('x') }], nextIndex: 0 }),
  );
  assert.deepEqual(page.records, [
    { index: 9_007_199_254_740_991, leaf: Buffer.from('x'), appendedAt: null },
  ]);
  assert.equal(page.nextIndex, 0);
  const message = { id: 3, renewLease: { leaseId: 'lse_1' } };
  const frame = services.access.Session.requestDeserialize(
    services.access.Session.requestSerialize({ messages: [message] }),
  );
  assert.equal(frame.messages[0]?.body, 'renewLease');
  assert.equal(frame.messages[0]?.renewLease?.leaseId, 'lse_1');
});

test('a batch and a receipt survive the wire byte for byte, from any kind of byte array', () => {
  const batch = {
    header: Buffer.from('{"v":1}'),
    signature: Buffer.alloc(64, 7),
    events: [Buffer.from('a'), Buffer.alloc(0)],
  };
  assert.deepEqual(codecs.signedBatch.decode(new Uint8Array(codecs.signedBatch.encode(batch))), batch);
  assert.deepEqual(codecs.receipt.decode(codecs.receipt.encode({ note: '— x\n' })), { note: '— x\n' });
  assert.throws(() => codecs.signedBatch.decode(Buffer.from('0aff', 'hex')));
});
