import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import { parsePostgresUrl } from './postgres-url.ts';

const parse = (url: string) => parsePostgresUrl(new Secret(url));

test('a URL gives host, port, database, user and password, with percent-encoding undone', () => {
  const place = parse('postgres://sti%40nt:p%3Aw@db.example:6000/sti%2Fnt\n');
  assert.deepEqual(
    [place.host, place.port, place.database, place.user],
    ['db.example', 6000, 'sti/nt', 'sti@nt'],
  );
  assert.equal(place.password.revealText(), 'p:w');
});

test('TLS is verified unless the server is on this machine or TLS is given up in words', () => {
  assert.deepEqual(parse('postgres://u:p@db.example/d').tls, {});
  assert.equal(parse('postgres://u:p@127.0.0.1/d').tls, undefined);
  assert.equal(parse('postgresql://u:p@[::1]/d').tls, undefined);
  assert.equal(parse('postgres://u:p@db.example/d?sslmode=disable').tls, undefined);
  assert.throws(() => parse('postgres://u:p@db.example/d?sslmode=require'), /sslmode "require"/);
});

test('what is malformed is refused without showing it', () => {
  for (const url of [
    '',
    'mysql://u:secret@h/d',
    'postgres://u:secret@/d',
    'postgres://h/d',
    'postgres://u:secret@h/',
  ]) {
    assert.throws(
      () => parse(url),
      (thrown: Error) => thrown.message.startsWith('store: the URL') && !thrown.message.includes('secret'),
    );
  }
});
