import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { generalNames, hostNamesMax } from './general-names.ts';

const uri = 'spiffe://stint.test/stint/nats';
const addressOf = (address: string) => generalNames(uri, [address]).subarray(-16).toString('hex');

describe('the names of a certificate', () => {
  it('are the URI first, then host names and addresses in order', () => {
    const names = generalNames(uri, ['nats.stint.test', '127.0.0.1']);
    const expected = [
      `861e${Buffer.from(uri).toString('hex')}`,
      `820f${Buffer.from('nats.stint.test').toString('hex')}`,
      '87047f000001',
    ];
    assert.equal(names.subarray(2).toString('hex'), expected.join(''));
  });

  it('hold IPv6 addresses in full, however they are shortened', () => {
    const full = '20010db8000000000000000000000001';
    for (const text of ['2001:db8::1', '2001:0db8:0:0:0:0:0:1', '2001:DB8:0::0:1'])
      assert.equal(addressOf(text), full, text);
    assert.equal(addressOf('::'), '0'.repeat(32));
    assert.equal(addressOf('::1'), `${'0'.repeat(31)}1`);
    assert.equal(addressOf('fe80::'), `fe80${'0'.repeat(28)}`);
    assert.equal(addressOf('1:2:3:4:5:6:7::'), '00010002000300040005000600070000');
  });

  it('refuse what is no host name, what could be taken for another name, and too many', () => {
    const bad = [
      'spiffe://stint.test/stint/auditor',
      'a@b.c',
      '*.stint.test',
      'fe80::1%eth0',
      '::ffff:127.0.0.1',
      'Upper',
      'a..b',
      'a_b',
      'a-',
      '',
      'x\n',
      `${'a'.repeat(64)}.b`,
    ];
    for (const name of bad)
      assert.throws(
        () => generalNames(uri, [name]),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        name,
      );
    assert.throws(
      () => generalNames(uri, new Array<string>(hostNamesMax + 1).fill('a')),
      (e) => isServiceError(e, 'INVALID_FIELD'),
    );
  });
});
