import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { parseTrustDomain } from '@stint/common/spiffe-id.ts';
import { checkPeerLeaf, type PeerExpectation } from '@stint/common/x509-svid.ts';
import { type LeafOptions, TestCa } from '../harness/test-ca.ts';

const id = 'spiffe://stint.local/ci/deploy';

describe('a peer leaf', () => {
  let ca: TestCa;
  const expected = (): PeerExpectation => ({
    trustDomain: parseTrustDomain('stint.local'),
    role: 'client',
    now: Date.now(),
  });

  before(async () => {
    ca = await TestCa.create();
  });

  async function leafOf(options: LeafOptions, spiffeId = id): Promise<Buffer> {
    const [leaf] = (await ca.issue(spiffeId, options)).svid.certificatesDer;
    assert.ok(leaf);
    return leaf;
  }

  test('as an SVID must be names its holder, its hash and its time', async () => {
    const state = await ca.issue(id);
    const [leaf = Buffer.alloc(0)] = state.svid.certificatesDer;
    assert.deepEqual(checkPeerLeaf(leaf, expected()), {
      spiffeId: id,
      svidSha256: state.svid.sha256,
      notBefore: state.svid.notBefore,
      expiresAt: state.svid.expiresAt,
    });
  });

  const accepted: Record<string, LeafOptions> = {
    'with a DNS name beside its ID': { dnsNames: ['broker.internal'] },
    'without extended key usage': { purposes: null },
    'with key agreement allowed too': {
      keyUsage: ['digitalSignature', 'keyAgreement'],
    },
    'with an empty subject and a critical SAN': { subject: '', sanIsCritical: true },
    'ending after 2050': { notAfter: Date.UTC(2061, 4, 6) },
  };
  for (const [what, options] of Object.entries(accepted)) {
    test(`${what} is accepted`, async () => {
      assert.equal(checkPeerLeaf(await leafOf(options), expected()).spiffeId, id);
    });
  }

  const refused: Record<string, [LeafOptions, RegExp]> = {
    'with two URI SANs': [{ uris: [id, 'spiffe://stint.local/other'] }, /2 URI SANs/],
    'without a SAN': [{ uris: [] }, /0 URI SANs/],
    'with only a DNS name': [{ uris: [], dnsNames: ['a.b'] }, /0 URI SANs/],
    'with an e-mail address': [{ emails: ['root@stint.local'] }, /e-mail/],
    'of another trust domain': [{ uris: ['spiffe://evil.example/ci/deploy'] }, /another trust domain/],
    'with the ID of a trust domain': [{ uris: ['spiffe://stint.local'] }, /no path/],
    'with another scheme': [{ uris: ['https://stint.local/ci'] }, /SPIFFE ID/],
    'with a dotted path': [{ uris: ['spiffe://stint.local/a/../b'] }, /SPIFFE ID/],
    'that is a CA': [{ isCa: true }, /CA certificate/],
    'without key usage': [{ keyUsage: null }, /no key usage/],
    'whose key usage is not critical': [{ keyUsageIsCritical: false }, /not critical/],
    'without digitalSignature': [{ keyUsage: ['keyAgreement'] }, /lacks digitalSignature/],
    'that may sign certificates': [
      { keyUsage: ['digitalSignature', 'keyCertSign'] },
      /may sign certificates/,
    ],
    'that may sign revocation lists': [{ keyUsage: ['digitalSignature', 'cRLSign'] }, /revocation lists/],
    'for servers only': [{ purposes: ['server'] }, /lacks that of a client/],
    'with an empty subject and a plain SAN': [{ subject: '' }, /SAN is not critical/],
    'that has expired': [{ notBefore: Date.now() - 7_200_000, notAfter: Date.now() - 1_000 }, /expired/],
    'that is not valid yet': [{ notBefore: Date.now() + 60_000 }, /not valid yet/],
  };
  for (const [what, [options, fault]] of Object.entries(refused)) {
    test(`${what} is refused, and the peer is not told why`, async () => {
      const leaf = await leafOf(options);
      assert.throws(
        () => checkPeerLeaf(leaf, expected()),
        (thrown) => {
          assert.ok(isServiceError(thrown, 'PEER_UNAUTHENTICATED'));
          assert.equal(thrown.message, 'no acceptable X.509-SVID was presented');
          assert.match(String(thrown.cause), fault);
          return true;
        },
      );
    });
  }

  test('damaged anywhere is refused or says the same, and never breaks the reader', async () => {
    const leaf = await leafOf({});
    for (let at = 0; at < leaf.length; at++) {
      for (const change of [0x00, 0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(leaf);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        try {
          checkPeerLeaf(damaged, expected());
        } catch (thrown) {
          assert.ok(isServiceError(thrown, 'PEER_UNAUTHENTICATED'), `byte ${at}`);
        }
        assert.throws(() => checkPeerLeaf(damaged.subarray(0, at), expected()));
      }
    }
  });
});
