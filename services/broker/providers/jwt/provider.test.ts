import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { newId } from '@stint/common/ids.ts';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import type { Grant } from '../../domain/grant.ts';
import type { Lease } from '../../domain/lease.ts';
import type { Profile, Resource } from '../../domain/registry.ts';
import { jwtConfigFaults } from './config.ts';
import { JwtProvider } from './provider.ts';
import { keySetCacheMs, SigningKeys } from './signing-keys.ts';

const start = 1_800_000_000_000;
const issuer = 'https://broker.stint.local';
const spiffeId = 'spiffe://stint.local/ci/deploy';
const profile: Profile = {
  name: 'deploy',
  ttlSecondsDefault: 300,
  ttlSecondsMax: 3_600,
  maxLivePerIdentity: 5,
  settings: {},
};
const resource = { id: 'payments-api', target: {} } as unknown as Resource;

async function providerWithClock(t: TestContext) {
  const parent = mkdtempSync(path.join(tmpdir(), 'stint-jwt-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const clock = heldClock(start);
  const keys = await SigningKeys.open(path.join(parent, 'keys'), clock);
  return { clock, keys, provider: new JwtProvider({ name: 'tokens', issuer, keys }) };
}

function grantAndLease(now: number, parameters: Record<string, string> = {}): { grant: Grant; lease: Lease } {
  const grant = { id: newId('grant', now), action: 'deploy', spiffeId, parameters } as unknown as Grant;
  const lease = {
    id: newId('lease', now),
    spiffeId,
    resource: resource.id,
    createdAt: now + 999,
    expiresAt: now + 300_999,
  } as unknown as Lease;
  return { grant, lease };
}

function tokenOf(provider: JwtProvider, options: { grant: Grant; lease: Lease; profile?: Profile }): string {
  const credential = provider.sign(options.grant, options.lease, options.profile ?? profile);
  assert.equal(credential.kind, 'token');
  return credential.kind === 'token' ? credential.token.revealText() : '';
}

function verifierOf(provider: JwtProvider) {
  return createLocalJWKSet({ keys: [...provider.keySet().keys] } satisfies JSONWebKeySet);
}

test('a token is one of RFC 9068 that stock verifiers accept', async (t) => {
  const { provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start);
  const { payload, protectedHeader } = await jwtVerify(
    tokenOf(provider, { grant, lease }),
    verifierOf(provider),
    {
      issuer,
      audience: resource.id,
      subject: spiffeId,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(start),
      requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    },
  );
  assert.deepEqual(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ']);
  assert.deepEqual(payload, {
    iss: issuer,
    sub: spiffeId,
    aud: 'payments-api',
    exp: start / 1_000 + 300,
    iat: start / 1_000,
    nbf: start / 1_000 - 30,
    jti: lease.id,
    client_id: spiffeId,
    scope: 'deploy',
    grant_id: grant.id,
  });
});

test('a token never outlives its lease, is refused elsewhere, and is refused when altered', async (t) => {
  const { provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start);
  const token = tokenOf(provider, { grant, lease });
  const keys = verifierOf(provider);
  const at = (time: number) => ({ audience: resource.id, currentDate: new Date(time) });
  await jwtVerify(token, keys, at(lease.expiresAt - 1_000));
  await assert.rejects(jwtVerify(token, keys, at(lease.expiresAt)), { code: 'ERR_JWT_EXPIRED' });
  await jwtVerify(token, keys, at(start - 29_000));
  await assert.rejects(jwtVerify(token, keys, at(start - 31_000)), { claim: 'nbf' });
  await assert.rejects(jwtVerify(token, keys, { ...at(start), audience: 'another-api' }), { claim: 'aud' });
  const [header, payload = '', signature] = token.split('.');
  const altered = Buffer.from(payload, 'base64url').toString().replace('deploy', 'delete');
  const forged = [header, Buffer.from(altered).toString('base64url'), signature].join('.');
  await assert.rejects(jwtVerify(forged, keys, at(start)), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
});

test('the same lease gives the same claims again', async (t) => {
  const { clock, provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start);
  const claimsOf = (token: string) => token.split('.')[1];
  const first = tokenOf(provider, { grant, lease });
  clock.advance(60_000);
  assert.equal(claimsOf(tokenOf(provider, { grant, lease })), claimsOf(first));
});

test('a profile names its own audience and scope, and parameters narrow the token', async (t) => {
  const { provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start, { service: 'checkout' });
  const own = { ...profile, settings: { audience: 'https://api.example.org', scope: 'pay:read pay:refund' } };
  const { payload } = await jwtVerify(
    tokenOf(provider, { grant, lease, profile: own }),
    verifierOf(provider),
    { currentDate: new Date(start) },
  );
  assert.equal(payload.aud, 'https://api.example.org');
  assert.equal(payload['scope'], 'pay:read pay:refund');
  assert.deepEqual(payload['authorization_details'], [
    {
      type: 'stint_grant',
      locations: ['https://api.example.org'],
      actions: ['deploy'],
      parameters: { service: 'checkout' },
    },
  ]);
});

test('tokens verify with the published set through a rotation, before and after', async (t) => {
  const { clock, keys, provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start);
  const before = tokenOf(provider, { grant, lease });
  await keys.rotate();
  clock.advance(keySetCacheMs + 1);
  const after = tokenOf(provider, { grant, lease });
  assert.notEqual(decodeProtectedHeader(after).kid, decodeProtectedHeader(before).kid);
  for (const token of [before, after])
    await jwtVerify(token, verifierOf(provider), { currentDate: new Date(start) });
});

test('faults of profile, resource and settings are named', async (t) => {
  const { provider } = await providerWithClock(t);
  const faultsOf = (change: Partial<Profile>) =>
    provider.profileFaults(resource, { ...profile, ...change }).join('\n');
  assert.equal(faultsOf({}), '');
  assert.match(faultsOf({ ttlSecondsMax: 3_601 }), /3600 seconds at most/);
  assert.match(faultsOf({ settings: { audience: 'two names' } }), /"audience"/);
  assert.match(faultsOf({ settings: { scope: 'a  b' } }), /"scope"/);
  assert.match(faultsOf({ settings: { scope: 'a"b' } }), /"scope"/);
  assert.match(faultsOf({ settings: { aud: 'x' } }), /"aud" is not known/);
  assert.match(
    provider.profileFaults({ ...resource, target: { url: 'x' } }, profile).join(),
    /"url" is not known/,
  );
  assert.deepEqual(jwtConfigFaults({ issuer }), []);
  for (const wrong of ['', 'http://a', 'https://a?b', 'https://a#b', 'https://u@a', 'https://']) {
    assert.match(jwtConfigFaults({ issuer: wrong }).join(), /"issuer"/, wrong);
  }
});

test('a printed credential does not show its token', async (t) => {
  const { provider } = await providerWithClock(t);
  const { grant, lease } = grantAndLease(start);
  const credential = provider.sign(grant, lease, profile);
  const token = credential.kind === 'token' ? credential.token.revealText() : '';
  assert.doesNotMatch(
    inspect(credential, { depth: 9, showHidden: true }) + JSON.stringify(credential),
    new RegExp(token.slice(-40)),
  );
});
