import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { derTag, readDer } from './der-reader.ts';
import { der, derBitString, derInteger, derOid, derSequence, derTime } from './der-writer.ts';

describe('DER', () => {
  it('of any length up to the limit is what the reader reads', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535]) {
      const body = Buffer.alloc(length, 7);
      assert.deepEqual(readDer(der(derTag.octetString, body), derTag.octetString).body, body, `${length}`);
    }
    assert.throws(() => der(derTag.octetString, Buffer.alloc(65_536)), RangeError);
  });

  it('integers are never negative', () => {
    assert.equal(derInteger(2).toString('hex'), '020102');
    assert.equal(derInteger(Buffer.from('7f01', 'hex')).toString('hex'), '02027f01');
    assert.equal(derInteger(Buffer.from('8001', 'hex')).toString('hex'), '0203008001');
  });

  it('times are UTCTime until 2049 and GeneralizedTime after, to the second', () => {
    const written = (time: string) => derTime(Date.parse(time)).toString('latin1');
    assert.equal(written('2026-11-22T08:00:01.999Z'), '\x17\x0d261122080001Z');
    assert.equal(written('2049-12-31T23:59:59Z'), '\x17\x0d491231235959Z');
    assert.equal(written('2050-01-01T00:00:00Z'), '\x18\x0f20500101000000Z');
  });

  it('sequences, object identifiers and bit strings have their known form', () => {
    assert.equal(derSequence(derOid('2a8648ce3d040302')).toString('hex'), '300a06082a8648ce3d040302');
    assert.equal(derBitString(Buffer.from([0x80]), 7).toString('hex'), '03020780');
  });
});
