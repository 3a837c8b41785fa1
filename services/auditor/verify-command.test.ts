import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { openAuditLog } from '../../test/harness/audit-log.ts';
import { heldClock } from '../../test/harness/held-clock.ts';
import { suiteScope } from '../../test/harness/suite-scope.ts';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { TestBroker, type TestTrust, testTrust } from '../../test/harness/test-broker.ts';
import type { FindingClass } from './domain/findings.ts';
import { appendOnlyTables } from './store/schema.ts';
import { verifyCommand, verifyDirectory } from './verify-command.ts';

const scope = suiteScope();
const clock = heldClock(Date.UTC(2026, 10, 22));
let trust: TestTrust;
/** A whole log of two brokers, two epochs and a grant's life; every test damages a copy. */
let whole: string;
let oldCheckpoint: string;

before(async () => {
  trust = await testTrust(scope, clock);
  whole = path.join(tempDir(scope), 'log');
  const log = await openLog(whole);
  const [b1, b2] = [await TestBroker.make(trust, 'b1', clock), await TestBroker.make(trust, 'b2', clock)];
  log.deliver('b1', b1.startEpoch(), b1.fill(5));
  log.publisher.current();
  oldCheckpoint = path.join(path.dirname(whole), 'old-checkpoint');
  cpSync(path.join(whole, 'checkpoint'), oldCheckpoint);
  log.deliver('b2', b2.startEpoch(), b2.fill(3), b2.fill(1));
  log.deliver('b1', ...life().map((type) => b1.batch([grantEvent(type)])), b1.startEpoch(), b1.fill(4));
  log.publisher.current();
  log.close();
});

const grant = { grant_id: newId('grant', 0), lease_id: newId('lease', 0) };
const grantEvent = (type: string) => ({ type: type as 'grant.decided', ...grant, data: {} });
const life = () => [
  'grant.decided',
  'lease.activated',
  'lease.renewed',
  'lease.revoking',
  'lease.contained',
  'lease.revoked',
  'grant.ended',
];

const openLog = (directory: string) => openAuditLog(directory, { trust, clock });

/** A copy of the whole log whose rows can be changed, as its administrator can: the triggers are dropped. */
function damaged(damage: (database: DatabaseSync, directory: string) => void): string {
  const directory = path.join(tempDir(scope), 'log');
  cpSync(whole, directory, { recursive: true });
  const database = new DatabaseSync(path.join(directory, 'records.db'));
  for (const table of appendOnlyTables)
    database.exec(`DROP TRIGGER ${table}_refuse_update; DROP TRIGGER ${table}_refuse_delete`);
  database.exec('DROP TRIGGER records_refuse_hole');
  damage(database, directory);
  database.close();
  return directory;
}

function classesOf(directory: string): FindingClass[] {
  return [...verifyDirectory({ logDir: directory }).findings.counts.keys()];
}

const size = () => verifyDirectory({ logDir: whole }).size;
const flip = (column: string, at: number) =>
  `${column} = CAST(substr(${column}, 1, ${at}) || x'00' || substr(${column}, ${at + 2}) AS BLOB)`;

test('a whole log is whole: with its own key, with given roots, and as continuation of an old checkpoint', () => {
  const verdict = verifyDirectory({ logDir: whole, checkpointFiles: [oldCheckpoint] });
  assert.deepEqual(verdict.findings.kept, []);
  assert.equal(verdict.size, 6 + 5 + 7 + 5);
  const roots = path.join(tempDir(scope), 'roots.pem');
  writeFileSync(roots, trust.ca.bundlePem);
  assert.deepEqual(verifyDirectory({ logDir: whole, trustBundleFile: roots }).findings.kept, []);
});

test('the roots of another trust domain vouch for nobody', async () => {
  const roots = path.join(tempDir(scope), 'roots.pem');
  writeFileSync(roots, (await testTrust(scope, clock)).ca.bundlePem);
  assert.deepEqual(
    [...verifyDirectory({ logDir: whole, trustBundleFile: roots }).findings.counts.keys()],
    ['epoch'],
  );
});

const damages: readonly { what: string; sql: string; finds: FindingClass; index?: number }[] = [
  {
    what: 'a byte of a record',
    sql: `UPDATE records SET ${flip('leaf', 30)} WHERE idx = 4`,
    finds: 'record',
    index: 4,
  },
  {
    what: 'a record taken out of the middle',
    sql: 'DELETE FROM records WHERE idx = 9',
    finds: 'record',
    index: 9,
  },
  { what: 'the first record taken out', sql: 'DELETE FROM records WHERE idx = 0', finds: 'record', index: 0 },
  {
    what: 'the last record taken away',
    sql: 'DELETE FROM records WHERE idx = (SELECT max(idx) FROM records)',
    finds: 'truncated',
  },
  {
    what: 'every record taken away',
    sql: 'DELETE FROM records; DELETE FROM batches; DELETE FROM checkpoints',
    finds: 'truncated',
  },
  {
    what: 'two records exchanged',
    sql: 'UPDATE records SET idx = 100 WHERE idx = 2; UPDATE records SET idx = 2 WHERE idx = 3; UPDATE records SET idx = 3 WHERE idx = 100',
    finds: 'sequence',
    index: 2,
  },
  {
    what: 'the stored hash of a record',
    sql: `UPDATE records SET ${flip('hashes', 3)} WHERE idx = 4`,
    finds: 'record',
    index: 4,
  },
  {
    what: 'the stored hash of an inner node',
    sql: `UPDATE records SET ${flip('hashes', 40)} WHERE idx = 7`,
    finds: 'tree',
    index: 7,
  },
  {
    what: 'the header of a batch',
    sql: `UPDATE batches SET ${flip('header', 40)} WHERE first_index = 1`,
    finds: 'batch',
    index: 1,
  },
  {
    what: 'the signature of a batch',
    sql: `UPDATE batches SET ${flip('signature', 9)} WHERE first_index = 1`,
    finds: 'batch',
    index: 1,
  },
  {
    what: 'the hash of a batch',
    sql: "UPDATE batches SET batch_sha256 = 'ab' WHERE first_index = 1",
    finds: 'batch',
    index: 1,
  },
  {
    what: 'the epoch of a batch',
    sql: 'UPDATE batches SET epoch = 9 WHERE first_index = 1',
    finds: 'record',
  },
  { what: 'a batch without its row', sql: 'DELETE FROM batches WHERE first_index = 1', finds: 'record' },
  {
    what: 'a batch that has no records',
    sql: "INSERT INTO batches VALUES (999, 1, 999, 1, 1, '', x'', x'')",
    finds: 'batch',
    index: 999,
  },
  { what: 'the key of an epoch', sql: `UPDATE epochs SET ${flip('public_key', 3)}`, finds: 'epoch' },
  { what: 'the recorded chain of an epoch', sql: "UPDATE epochs SET chain = '[]'", finds: 'epoch' },
  { what: 'an epoch without its row', sql: 'DELETE FROM epochs WHERE epoch = 2', finds: 'epoch' },
  {
    what: 'the sequence of a record',
    sql: 'UPDATE records SET seq = 99 WHERE idx = 4',
    finds: 'record',
    index: 4,
  },
  {
    what: 'the broker of a record',
    sql: 'UPDATE records SET source_id = 2, seq = 99 WHERE idx = 4',
    finds: 'record',
    index: 4,
  },
  {
    what: 'the name of a broker',
    sql: "UPDATE sources SET spiffe_id = 'spiffe://stint.local/stint/broker/b9' WHERE id = 1",
    finds: 'record',
  },
  {
    what: 'the type that searches use',
    sql: "UPDATE records SET type = 'x.y' WHERE idx = 4",
    finds: 'index',
    index: 4,
  },
  {
    what: 'the grant that searches use',
    sql: 'UPDATE records SET grant_id = NULL WHERE idx = (SELECT min(idx) FROM records WHERE grant_id IS NOT NULL)',
    finds: 'grant',
  },
  {
    what: 'the signature of a stored checkpoint',
    sql: "UPDATE checkpoints SET note = replace(note, '— stint', '— stant')",
    finds: 'checkpoint',
  },
  {
    what: 'the size of a stored checkpoint',
    sql: "UPDATE checkpoints SET note = replace(note, char(10) || '6' || char(10), char(10) || '5' || char(10))",
    finds: 'checkpoint',
  },
  {
    what: 'the root beside a stored checkpoint',
    sql: `UPDATE checkpoints SET ${flip('root', 3)}`,
    finds: 'checkpoint',
  },
];

for (const { what, sql, finds, index } of damages) {
  test(`damage is named: ${what} (${finds})`, () => {
    const directory = damaged((database) => database.exec(sql));
    const { findings } = verifyDirectory({ logDir: directory });
    assert.ok(
      findings.counts.has(finds),
      `found only ${[...findings.counts.keys()].join(', ') || 'nothing'}`,
    );
    assert.ok(findings.exitCode >= 10);
    if (index !== undefined)
      assert.ok(
        findings.kept.some((finding) => finding.class === finds && finding.index === index),
        JSON.stringify(findings.kept),
      );
  });
}

test('no text of a changed log reaches the terminal of its reader as it is', () => {
  const hostile = "char(27) || '[2J' || char(155) || '31m' || char(8238)";
  const directory = damaged((database) => {
    database.exec(`UPDATE sources SET spiffe_id = ${hostile} || id`);
    database.exec(`UPDATE records SET event_id = ${hostile} WHERE idx = 1`);
    database.exec(`UPDATE records SET grant_id = ${hostile} || idx WHERE grant_id IS NOT NULL`);
  });
  for (const format of ['text', 'json']) {
    let written = '';
    verifyCommand(['--log-dir', directory, '-o', format], (part) => (written += part));
    assert.match(written, /\\u001b\[2J/);
    assert.doesNotMatch(written.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  }
});

test('an administrator who recomputes every hash after a change is found out by the broker’s signature and the checkpoint', async () => {
  const { leafHash } = await import('@stint/common/merkle.ts');
  const { appendLeaf, emptyFrontier } = await import('./domain/tree-hashes.ts');
  const directory = damaged((database) => {
    database.exec(
      `UPDATE records SET leaf = CAST(replace(CAST(leaf AS TEXT), 'GRANT_DENIED', 'RATE_LIMITED') AS BLOB) WHERE idx = 3`,
    );
    let frontier = emptyFrontier;
    for (const row of database.prepare('SELECT idx, leaf FROM records ORDER BY idx').all() as {
      idx: number;
      leaf: Uint8Array;
    }[]) {
      const appended = appendLeaf(frontier, leafHash(row.leaf));
      frontier = appended.frontier;
      database
        .prepare('UPDATE records SET hashes = ? WHERE idx = ?')
        .run(Buffer.concat(appended.hashes), row.idx);
    }
  });
  assert.deepEqual(classesOf(directory).sort(), ['batch', 'checkpoint']);
});

test('an event that stands in the log twice under two numbers is named', () => {
  const directory = damaged((database) => {
    database.exec(
      'CREATE TABLE copy AS SELECT * FROM records; DROP TABLE records; ALTER TABLE copy RENAME TO records',
    );
    database.exec('UPDATE records SET event_id = (SELECT event_id FROM records WHERE idx = 1) WHERE idx = 2');
  });
  assert.ok(classesOf(directory).includes('event id'));
});

test('public files: a missing, foreign or older checkpoint, and one that covers more than is left', () => {
  const gone = damaged((_, directory) => rmSync(path.join(directory, 'checkpoint')));
  assert.deepEqual(classesOf(gone), ['checkpoint']);
  const forged = damaged((_, directory) => {
    const file = path.join(directory, 'checkpoint');
    writeFileSync(file, readFileSync(file, 'utf8').replace(String(size()), '7'));
  });
  assert.deepEqual(classesOf(forged), ['checkpoint']);
  const old = damaged((_, directory) => cpSync(oldCheckpoint, path.join(directory, 'checkpoint')));
  assert.deepEqual(classesOf(old), [], 'an older checkpoint of the same history is no damage');
});

test('a log begun anew is not a continuation of the old checkpoint', async () => {
  const directory = path.join(tempDir(scope), 'log');
  const state = path.join(path.dirname(directory), 'state');
  mkdirSync(state, { mode: 0o700 });
  cpSync(path.join(path.dirname(whole), 'state'), state, { recursive: true });
  chmodSync(state, 0o700);
  const log = await openLog(directory);
  const b1 = await TestBroker.make(trust, 'b1', clock);
  log.deliver('b1', b1.startEpoch(), b1.fill(9));
  log.publisher.current();
  log.close();
  assert.deepEqual(classesOf(directory), []);
  const verdict = verifyDirectory({ logDir: directory, checkpointFiles: [oldCheckpoint] });
  assert.deepEqual([...verdict.findings.counts.keys()], ['consistency']);
});

test('a log that was emptied is told as empty, and by an old checkpoint as cut short', async () => {
  const directory = path.join(tempDir(scope), 'log');
  const state = path.join(path.dirname(directory), 'state');
  cpSync(path.join(path.dirname(whole), 'state'), state, { recursive: true });
  chmodSync(state, 0o700);
  const log = await openLog(directory); // as whoever has the key makes it look like new
  log.publisher.current();
  log.close();
  assert.deepEqual(classesOf(directory), ['empty']);
  const { findings } = verifyDirectory({ logDir: directory, checkpointFiles: [oldCheckpoint] });
  assert.equal(findings.exitCode, 10);
});

/** Runs the command; its exit code and its verdict. */
function run(...args: string[]) {
  let text = '';
  const code = verifyCommand(args, (more) => {
    text += more;
  });
  return { code, text };
}

test('the command says it in words and in JSON, and its exit code is the finding’s', () => {
  const good = run('--log-dir', whole, '--verifier-key', path.join(whole, 'log.vkey'));
  assert.equal(good.code, 0);
  assert.match(good.text, /^whole: 23 records/);
  const bad = damaged((database) => database.exec('DELETE FROM records WHERE idx = 9'));
  const words = run('--log-dir', bad);
  assert.equal(words.code, 11);
  assert.match(
    words.text,
    /NOT WHOLE[\s\S]*\n {2}11 record \(1\): .*\n {2}- record, index 9: 1 records are missing/,
  );
  const json = JSON.parse(run('--log-dir', bad, '-o', 'json').text) as { whole: boolean; exit_code: number };
  assert.deepEqual([json.whole, json.exit_code], [false, 11]);
});

test('a verdict by the key that lay with the log says so, in words and in JSON', () => {
  const pinned = ['--log-dir', whole, '--verifier-key', path.join(whole, 'log.vkey')];
  const unpinned = ['--log-dir', whole];
  const caveat = /verifier key lay with the log/;
  assert.match(run(...unpinned).text, caveat);
  assert.doesNotMatch(run(...pinned).text, caveat);
  const keyOf = (args: string[]) => JSON.parse(run(...args, '-o', 'json').text).verifier_key;
  assert.deepEqual([keyOf(unpinned), keyOf(pinned)], ['with the log', 'pinned']);
});

test('a known skip whose record declares none is told, and changes neither the verdict nor the exit code', () => {
  const args = ['--log-dir', whole, '--known-skip', '7', '--known-skip', '99'];
  const words = run(...args);
  assert.equal(words.code, 0);
  assert.match(
    words.text,
    /^whole: .*\n--known-skip 7 changed nothing: record 7 declares no .*\n--known-skip 99 .*: there is no record 99\./,
  );
  const json = JSON.parse(run(...args, '-o', 'json').text);
  assert.deepEqual([json.whole, json.exit_code, json.known_skips_not_found], [true, 0, [7, 99]]);
  assert.deepEqual(JSON.parse(run('--log-dir', whole, '-o', 'json').text).known_skips_not_found, []);
});

test('what cannot be verified is named, with why and what to do, in words and in JSON, apart from verdicts', () => {
  const away = tempDir(scope);
  const place = (name: string, text: string) => {
    writeFileSync(path.join(away, name), text);
    return path.join(away, name);
  };
  const copy = (name: string, change: (directory: string) => void) => {
    const directory = path.join(away, name);
    cpSync(whole, directory, { recursive: true });
    change(directory);
    return directory;
  };
  const [note, above] = [place('note', 'hello'), path.join(away, 'above')];
  cpSync(whole, path.join(above, 'log'), { recursive: true });
  const brokenPem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const noKey = copy('no-key', (at) => rmSync(path.join(at, 'log.vkey')));
  const noNote = copy('no-note', (at) => {
    rmSync(path.join(at, 'checkpoint'));
    mkdirSync(path.join(at, 'checkpoint'));
  });
  const noFile = copy('no-file', (at) => {
    rmSync(path.join(at, 'records.db'));
    mkdirSync(path.join(at, 'records.db'));
  });
  const cases: [string[], RegExp, RegExp, RegExp][] = [
    [[], /^--log-dir is missing$/, /must be told/, /--log-dir DIR/],
    [['--what'], /'--what'/, /arguments/, /--help/],
    [['--log-dir', whole, 'more'], /'more'/, /arguments/, /--help/],
    [['--log-dir', whole, '-o', 'yaml'], /"yaml"/, /text and json/, /-o json/],
    [['--log-dir', '/nowhere'], /no log .*"\/nowhere"/, /no such directory/, /--log-dir/],
    [['--log-dir', note], /no log .*note"/, /it is a file/, /--log-dir/],
    [
      ['--log-dir', path.join(whole, 'records.db')],
      /no log/,
      /file of the records/,
      new RegExp(`--log-dir ${whole}$`),
    ],
    [['--log-dir', above], /no log .*above"/, /one is in the folder/, /--log-dir .*above\/log$/],
    [['--log-dir', away], /no log/, /no records\.db/, /--log-dir/],
    [['--log-dir', noKey], /"\S+no-key\/log\.vkey" cannot/, /no such file/, /--verifier-key/],
    [['--log-dir', noNote], /"\S+no-note\/checkpoint" cannot/, /directory/, /from a copy/],
    [['--log-dir', noFile], /no log .*no-file"/, /no file records\.db/, /--log-dir/],
    [
      ['--log-dir', whole, '--verifier-key', note],
      /note" holds no verifier key/,
      /one line/,
      /--verifier-key/,
    ],
    [['--log-dir', whole, '--checkpoint', '/nowhere'], /"\/nowhere" cannot/, /no such file/, /--checkpoint/],
    [['--log-dir', whole, '--trust-bundle', note], /note" cannot be read as cert/, /PEM/, /--trust-bundle/],
    [
      ['--log-dir', whole, '--trust-bundle', place('pem', brokenPem)],
      /pem" cannot/,
      /certificate 1/,
      /--trust-bundle/,
    ],
    [['--log-dir', whole, '--known-skip', 'x'], /--known-skip: "x"/, /whole number/, /stint audit gap skip/],
  ];
  for (const [args, what, why, fix] of cases) {
    const written = { out: '', failure: '' };
    const to = (name: keyof typeof written) => (text: string) => {
      written[name] += text;
    };
    assert.equal(verifyCommand(args, to('out'), to('failure')), 2, args.join(' '));
    assert.equal(written.out, '', 'no verdict');
    const [first = '', second = '', third = '', fourth, rest] = written.failure.split('\n');
    const reason = first.includes('no log stands') ? 'NO_LOG' : 'NOT_VERIFIED';
    assert.match(first.replace('not verified: ', ''), what);
    assert.match(second, /^ {2}why: /);
    assert.match(second, why);
    assert.match(third, /^ {2}fix: /);
    assert.match(third, fix);
    assert.deepEqual([fourth, rest], [`  code: ${reason}`, '']);
    if (args.includes('-o')) continue;
    written.failure = '';
    verifyCommand([...args, '-o', 'json'], to('out'), to('failure'));
    const { error } = JSON.parse(written.failure);
    assert.deepEqual([error.reason, error.exit_code], [reason, 2]);
    for (const [text, pattern] of [
      [error.what, what],
      [error.why, why],
      [error.fix, fix],
    ])
      assert.match(text, pattern);
  }
});

for (const [what, damage] of Object.entries({
  'that is no database': (file: string) => writeFileSync(file, 'not a database'.repeat(1_000)),
  'cut short': (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 20_000)),
  'without its tables': (file: string) => {
    const database = new DatabaseSync(file);
    database.exec('DROP TABLE epochs');
    database.close();
  },
})) {
  test(`a records.db ${what} is a damaged log, not an absent one nor a wrong argument`, () => {
    const copy = path.join(tempDir(scope), 'log');
    cpSync(whole, copy, { recursive: true });
    damage(path.join(copy, 'records.db'));
    const words = run('--log-dir', copy);
    assert.equal(words.code, 23);
    assert.match(
      words.text,
      /^not verified: "\S+records\.db" cannot be read as a log\n {2}why: .+\n {2}fix: .+\n {2}code: LOG_UNREADABLE\n$/,
    );
    const json = run('--log-dir', copy, '-o', 'json');
    const { error } = JSON.parse(json.text);
    assert.deepEqual([json.code, error.exit_code, error.reason], [23, 23, 'LOG_UNREADABLE']);
  });
}

test('a log at work is verified without being held up', async () => {
  const directory = path.join(tempDir(scope), 'log');
  const log = await openLog(directory);
  const b1 = await TestBroker.make(trust, 'b1', clock);
  log.deliver('b1', b1.startEpoch());
  log.publisher.current();
  assert.deepEqual(classesOf(directory), []);
  log.deliver('b1', b1.fill(3));
  assert.deepEqual(classesOf(directory), [], 'what no checkpoint covers yet is no damage');
  log.close();
});
