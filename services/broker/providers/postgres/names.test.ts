import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import fc from 'fast-check';
import {
  brokerNameFault,
  brokerNameLengthMax,
  groupRoleFault,
  isRoleNameOf,
  leaseOfRole,
  quoteIdentifier,
  quoteLiteral,
  roleName,
} from './names.ts';

test("a lease's role name fits, needs no quotes, and is recognised as ours and only ours", () => {
  for (const broker of ['a', 'b_2', 'x'.repeat(brokerNameLengthMax)]) {
    assert.equal(brokerNameFault(broker), undefined);
    const id = newId('lease', Date.now());
    const name = roleName(broker, id);
    assert.match(name, /^[a-z0-9_]{1,63}$/);
    assert.equal(leaseOfRole(broker, name), id);
    assert.equal(leaseOfRole(`${broker}_`, name), undefined);
    assert.equal(leaseOfRole(broker, name.toUpperCase()), undefined);
    assert.equal(leaseOfRole(broker, `${name}x`), undefined);
  }
  const ofAnother = roleName('a_b', newId('lease', Date.now()));
  assert.equal(leaseOfRole('a', ofAnother), undefined);
});

test("a lease's role name is known as its own whichever broker gave it, and no other role's is", () => {
  const [id, other] = [newId('lease', Date.now()), newId('lease', Date.now())];
  for (const broker of ['a', 'a_b', 'x'.repeat(brokerNameLengthMax)]) {
    assert.equal(isRoleNameOf(id, roleName(broker, id)), true);
    assert.equal(isRoleNameOf(other, roleName(broker, id)), false);
  }
  const ulid = id.slice('lse_'.length);
  const wrong = [
    ulid,
    `stint_${ulid}`,
    `stint__${ulid}`,
    `stint_A_${ulid}`,
    `postgres_${ulid}`,
    `stint_a_${ulid}x`,
  ];
  for (const name of [
    ...wrong,
    `stint_a"; DROP ROLE "x_${ulid}`,
    `stint_${'x'.repeat(brokerNameLengthMax + 1)}_${ulid}`,
  ])
    assert.equal(isRoleNameOf(id, name), false, name);
});

test('a broker name that could not be part of a role name is refused', () => {
  for (const name of ['', 'A', 'a-b', 'a"b', 'é', 'x'.repeat(brokerNameLengthMax + 1)]) {
    assert.match(brokerNameFault(name) ?? '', /^broker name/);
  }
});

test("group roles are plain names, none of PostgreSQL's own, not the graveyard", () => {
  assert.equal(groupRoleFault('stint_demo_read'), undefined);
  for (const name of ['', 'Read', 'a b', 'a"', '1a', 'pg_read_all_data', 'stint_graveyard', 'x'.repeat(64)]) {
    assert.ok(groupRoleFault(name), name);
  }
});

test('quoting leaves no way out of a name or a constant', () => {
  const text = fc.string({ unit: 'binary', maxLength: 80 }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(text, (value) => {
      // Read back as PostgreSQL's lexer does: up to the first quote that is not doubled, which must be the last.
      assert.equal(/^"((?:[^"]|"")*)"$/.exec(quoteIdentifier(value))?.[1]?.replaceAll('""', '"'), value);
      assert.equal(/^'((?:[^']|'')*)'$/.exec(quoteLiteral(value))?.[1]?.replaceAll("''", "'"), value);
    }),
  );
  assert.equal(quoteIdentifier('a"; DROP ROLE b; --'), '"a""; DROP ROLE b; --"');
  assert.equal(quoteLiteral(`a'; DROP ROLE b; --\\`), `'a''; DROP ROLE b; --\\'`);
  assert.throws(() => quoteIdentifier('a\0b'));
  assert.throws(() => quoteLiteral('a\0b'));
});
