import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTrustDomain } from '../../services/common/spiffe-id.ts';
import { natsServerConfig } from './server-config.ts';

const options = {
  trustDomain: parseTrustDomain('stint.local'),
  brokers: ['b1', 'b2'],
  viewers: ['siem'],
  certificateFile: '/c.pem',
  keyFile: '/k.pem',
  trustBundleFile: '/r.pem',
};

test('each identity has one line with what is its own and nothing more', () => {
  const config = natsServerConfig(options);
  const lineOf = (id: string) =>
    config.split('\n').filter((line) => line.includes(`"spiffe://stint.local/stint/${id}"`));
  assert.deepEqual(lineOf('broker/b1'), [
    '      { user: "spiffe://stint.local/stint/broker/b1", permissions: { publish: { allow: ["audit.b1"] }, subscribe: { allow: ["_INBOX.broker_b1.>", "receipt.b1", "auditlog.lease.revoking", "auditlog.lease.revoked"] } } },',
  ]);
  assert.deepEqual(lineOf('viewer/siem'), [
    '      { user: "spiffe://stint.local/stint/viewer/siem", permissions: { publish: { allow: ["_INBOX.viewer_siem.>"] }, subscribe: { allow: ["auditlog.>", "_INBOX.viewer_siem.>"] } } },',
  ]);
  assert.equal(lineOf('auditor').length, 1);
  assert.doesNotMatch(lineOf('auditor')[0] ?? '', /"audit\.|PURGE|STREAM\.(CREATE|DELETE|UPDATE)/);
});

test('nothing is let in without a certificate, and nothing else listens', () => {
  const config = natsServerConfig(options);
  assert.match(config, /verify_and_map: true/);
  assert.doesNotMatch(config, /no_auth_user|password|token|leafnodes|websocket|mqtt|http/);
});

test('a name that could break out of its quotes or into another’s subjects is refused', () => {
  for (const name of ['a"b', 'a.b', '*', '>', '', 'a b']) {
    assert.throws(() => natsServerConfig({ ...options, brokers: [name] }), JSON.stringify(name));
    assert.throws(() => natsServerConfig({ ...options, viewers: [name] }), JSON.stringify(name));
  }
  assert.throws(() => natsServerConfig({ ...options, keyFile: '/k"\n' }), /cannot stand in it/);
});
