import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresSetupScript, type SetupScriptOptions } from './setup-script.ts';

const options: SetupScriptOptions = {
  majorVersion: 18,
  brokerRole: 'stint_broker',
  brokerPassword: undefined,
  groupRoles: ['shop_read'],
  databases: ['shop'],
};
const statement = 'CREATE ROLE evil SUPERUSER LOGIN;--';
const hostile = [
  '',
  'x'.repeat(64),
  'é'.repeat(32),
  `shop\n${statement}`,
  `shop\r${statement}`,
  `shop\u0085${statement}`,
  `shop\u2028${statement}`,
  'shop\0',
  'sh\u200bop',
  'sh\u{e0041}op',
];
const hostileRoles = [
  ...hostile,
  'pg_read_all_data',
  'stint_graveyard',
  `x'; ${statement}`,
  `x\\'; ${statement}`,
  `x"; ${statement}`,
  '1x',
  'a b',
];

test('no name that could end a line, a quote or a comment reaches the script, whatever it names', async () => {
  for (const name of hostileRoles) {
    await assert.rejects(postgresSetupScript({ ...options, brokerRole: name }), / is /, name);
    await assert.rejects(
      postgresSetupScript({ ...options, groupRoles: ['shop_read', name] }),
      / is |owns/,
      name,
    );
    await assert.rejects(postgresSetupScript({ ...options, groupRoles: [name] }), / is |owns/, name);
  }
  for (const name of hostile)
    await assert.rejects(postgresSetupScript({ ...options, databases: ['shop', name] }), / is not /, name);
});

test('a refused name is shown on one line', async () => {
  for (const over of [{ brokerRole: 'a\nb' }, { databases: ['a\nb'] }])
    await assert.rejects(
      postgresSetupScript({ ...options, ...over }),
      (error: Error) => !/\n/.test(error.message),
    );
});

test("names of somebody else's making are quoted, also where psql's own command is told", async () => {
  const script = await postgresSetupScript({
    ...options,
    brokerRole: 'Stint-Broker@eu.iam',
    databases: ['Läden "2"'],
  });
  assert.match(script, /^GRANT CONNECT ON DATABASE "Läden ""2""" TO "shop_read", "Stint-Broker@eu\.iam";$/m);
  assert.match(script, /\\password "Stint-Broker@eu\.iam"$/m);
  const lines = script.split('\n').filter((line) => line !== '');
  for (const line of lines) assert.match(line, /^(--|BEGIN;|COMMIT;|DO |ALTER ROLE |GRANT )/);
});
