import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import fc from 'fast-check';
import { clockLeewayMs, failedCheck, readGrantClaims, type TokenExpectation } from './grant-token.ts';

const now = 1_000_000_000_000;
const payload = {
  iss: 'https://broker.test',
  sub: 'spiffe://stint.local/ci/deploy',
  aud: 'orders-api',
  iat: now / 1_000,
  nbf: now / 1_000 - 30,
  exp: now / 1_000 + 60,
  jti: newId('lease', now),
  grant_id: newId('grant', now),
  scope: 'read write',
};
const expected: TokenExpectation = {
  issuer: payload.iss,
  audience: payload.aud,
  presenter: parseSpiffeId(payload.sub),
  action: 'read',
  hasEnded: () => false,
};

function check(change: object = {}, expectation: Partial<TokenExpectation> = {}, at = now) {
  const claims = readGrantClaims({ ...payload, ...change });
  return claims === undefined ? 'form' : failedCheck(claims, { ...expected, ...expectation }, at);
}

test('a token passes only while every claim holds', () => {
  assert.equal(check(), undefined);
  assert.equal(check({}, { presenter: undefined, action: undefined }), undefined);
  assert.equal(check({}, { action: 'write' }), undefined);
  assert.equal(check({}, { issuer: 'https://other.test' }), 'issuer');
  assert.equal(check({}, { audience: 'other' }), 'audience');
  assert.equal(check({}, { presenter: parseSpiffeId('spiffe://stint.local/ci/other') }), 'presenter');
  assert.equal(check({}, { action: 'rea' }), 'action');
  assert.equal(check({}, { hasEnded: (id) => id === payload.jti }), 'ended');
});

test('times are compared with the leeway, to the millisecond', () => {
  const end = payload.exp * 1_000;
  assert.equal(check({}, {}, end + clockLeewayMs - 1), undefined);
  assert.equal(check({}, {}, end + clockLeewayMs), 'expired');
  const begin = payload.nbf * 1_000;
  assert.equal(check({}, {}, begin - clockLeewayMs), undefined);
  assert.equal(check({}, {}, begin - clockLeewayMs - 1), 'not_yet_valid');
});

test('a claim that is missing or of another shape makes the token formless', () => {
  const shapes = [undefined, null, 7, -1, '', 'x', [], ['orders-api'], {}, true, Number.NaN, 1e20];
  const goodTexts: Record<string, readonly unknown[]> = { iss: ['x'], aud: ['x'], scope: ['x'] };
  const goodTimes = ['iat', 'nbf', 'exp'];
  for (const claim of Object.keys(payload)) {
    for (const shape of shapes) {
      if (goodTexts[claim]?.includes(shape) || (goodTimes.includes(claim) && shape === 7)) continue;
      if (claim === 'nbf' && shape === undefined) continue;
      assert.equal(readGrantClaims({ ...payload, [claim]: shape }), undefined, `${claim}: ${String(shape)}`);
    }
  }
});

test('no payload makes the reader throw', () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.anything()), (any) => void readGrantClaims(any)));
});
