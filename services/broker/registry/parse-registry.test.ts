import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSpiffeId, parseTrustDomain } from '@stint/common/spiffe-id.ts';
import { parseRegistry } from './parse-registry.ts';
import { renderFaults, SourceText } from './source-fault.ts';

const rules = {
  trustDomain: parseTrustDomain('stint.local'),
  providerNames: ['demo-postgres', 'grant-token'],
};

const header = 'environments: [demo]\nroles: [reporting]\n';
const job = `identities:
  - spiffeId: spiffe://stint.local/demo/job
    kind: cron
    owner: team:data
    environment: demo
    roles: [reporting]
`;
const database = `resources:
  - id: demo-db
    kind: database
    owner: team:data
    environment: demo
    provider: demo-postgres
    target: { database: demo }
    profiles:
      - name: read
        ttl: 5m
        ttlMax: 15m
        settings: { groupRole: stint_demo_read }
`;

function parse(...texts: string[]) {
  return parseRegistry(
    texts.map((text, i) => new SourceText(texts.length === 1 ? 'registry.yaml' : `registry/${i}.yaml`, text)),
    rules,
  );
}

function faultsOf(...texts: string[]): string {
  return renderFaults(parse(...texts).faults);
}

test('a whole registry reads as identities, resources and the names that rules may use', () => {
  const attributes = 'attributes: { verified: [branch], declared: [ticket], parameters: [table] }\n';
  const { identities, resources, vocabulary, faults } = parse(header + attributes + job + database);
  assert.deepEqual(faults, []);
  assert.deepEqual(identities.get(parseSpiffeId('spiffe://stint.local/demo/job')), {
    spiffeId: 'spiffe://stint.local/demo/job',
    kind: 'cron',
    owner: 'team:data',
    environment: 'demo',
    roles: ['reporting'],
    state: 'active',
  });
  assert.deepEqual(resources.get('demo-db'), {
    id: 'demo-db',
    kind: 'database',
    environment: 'demo',
    owner: 'team:data',
    labels: [],
    provider: 'demo-postgres',
    target: { database: 'demo' },
    profiles: [
      {
        name: 'read',
        ttlSecondsDefault: 300,
        ttlSecondsMax: 900,
        maxLivePerIdentity: 16,
        settings: { groupRole: 'stint_demo_read' },
      },
    ],
  });
  assert.deepEqual(vocabulary, {
    environments: ['demo'],
    roles: ['reporting'],
    verified: ['branch'],
    declared: ['ticket'],
    parameters: ['table'],
    actions: ['read'],
  });
});

test('an identity without an owner stays known, a resource without one is refused', () => {
  const { identities, faults } = parse(header + job.replace('    owner: team:data\n', ''));
  assert.deepEqual(faults, []);
  assert.equal([...identities.values()][0]?.owner, '');
  assert.match(
    faultsOf(header + database.replace('    owner: team:data\n', '')),
    /a resource has no "owner"; add "owner:"/,
  );
});

test('a duplicate id is refused with both places', () => {
  const twice = header + job + job.replace('identities:\n', '');
  assert.equal(
    faultsOf(twice),
    [
      'registry.yaml:9:15: duplicate spiffeId "spiffe://stint.local/demo/job": it stands at registry.yaml:4 already; remove one or give it another id',
      '    9 |   - spiffeId: spiffe://stint.local/demo/job',
      `      |               ${'^'.repeat(29)}`,
    ].join('\n'),
  );
  assert.match(
    faultsOf(header + database, database),
    /registry\/1\.yaml:2:9: duplicate id "demo-db": it stands at registry\/0\.yaml:4 already/,
  );
});

test('several files make one registry, whatever their order', () => {
  assert.deepEqual(parse(job, database, header).faults, []);
  assert.match(
    faultsOf(header, 'roles: [reporting]\n'),
    /registry\/1\.yaml:1:9: "reporting" is declared in "roles" of registry\/0\.yaml already/,
  );
});

const wrong: Record<string, [text: string, fault: RegExp]> = {
  'an unknown key': [
    header + job.replace('environment:', 'enviroment:'),
    /7:5: an identity has the unknown key "enviroment"; did you mean "environment"\?/,
  ],
  'an unknown top key': [
    'identites: []\n',
    /1:1: the registry has the unknown key "identites"; did you mean "identities"\?/,
  ],
  'a key given twice': [`${header}roles: []\n`, /3:1: not valid YAML: map keys must be unique/],
  'a malformed SPIFFE ID': [
    header + job.replace('/demo/job', '/demo//job'),
    /is not a SPIFFE ID: a path segment is empty; write it as "spiffe:\/\/stint.local\/<path>"/,
  ],
  'a SPIFFE ID in capitals': [
    header + job.replace('stint.local', 'Stint.local'),
    /is not a SPIFFE ID: the trust domain has a character/,
  ],
  'a foreign trust domain': [
    header + job.replace('stint.local', 'stint.locl'),
    /trust domain "stint.locl" is foreign: .* did you mean "stint.local"\?/,
  ],
  "a name of Stint's own parts": [
    header + job.replace('/demo/job', '/stint/auditor'),
    /is reserved: names under "\/stint\/"/,
  ],
  'an unknown kind': [
    header + job.replace('cron', 'crone'),
    /"kind" "crone" is not one of ci, service, bot, cron, agent/,
  ],
  'an undeclared role': [
    header + job.replace('[reporting]', '[reportng]'),
    /8:13: unknown role "reportng": it is not in "roles"; did you mean "reporting"\? or add it/,
  ],
  'an undeclared environment': [
    header + database.replace('environment: demo', 'environment: dmeo'),
    /unknown environment "dmeo"/,
  ],
  'an unknown provider': [
    header + database.replace('demo-postgres', 'demo-postgre'),
    /unknown provider "demo-postgre": this broker has demo-postgres, grant-token; did you mean "demo-postgres"\?/,
  ],
  'a lifetime of nothing': [
    header + database.replace('15m', '0s'),
    /"ttlMax" "0s" is out of range; write 1s to 1d/,
  ],
  'a lifetime below nothing': [header + database.replace('15m', '-5m'), /"ttlMax" "-5m" is not a duration/],
  'a lifetime above a day': [header + database.replace('15m', '25h'), /"ttlMax" "25h" is out of range/],
  'a lifetime without a unit': [
    header + database.replace('15m', '900'),
    /"ttlMax" "900" is not a duration such as/,
  ],
  'a default above the maximum': [
    header + database.replace('5m\n', '1h\n'),
    /"ttl" is above "ttlMax" \(15m\)/,
  ],
  'too many live leases': [
    header + database.replace('ttl: 5m', 'maxLivePerIdentity: 1001'),
    /"maxLivePerIdentity" is 1001; write 1 to 1000/,
  ],
  'no profiles': [
    `${header}resources: [{ id: a, kind: b, owner: 'team:x', environment: demo, provider: grant-token, profiles: [] }]\n`,
    /has no profiles/,
  ],
  'an owner without a kind': [
    header + job.replace('team:data', 'data'),
    /"owner" "data" is not an owner such as "team:data"/,
  ],
  'a version of two numbers': [
    header + job.replace('kind: cron', 'kind: cron\n    version: 2.10'),
    /"version" "2.10" is not a version of three numbers/,
  ],
  'an attribute that is always there': [
    'attributes: { declared: [justification] }\n',
    /"justification" is always there/,
  ],
  'a control character': [
    header + database.replace('{ database: demo }', '{ database: "a\\nb" }'),
    /is not one line of printable text/,
  ],
  'an alias': [`${header}identities: &a []\nresources: *a\n`, /"resources" must be a list, not an alias/],
  'a tag': [`${header}identities: !!js/function []\n`, /not valid YAML: unresolved tag/i],
  'a list for a mapping': ['- a\n', /1:1: the file must be a mapping/],
  'two documents': ['roles: []\n---\nroles: []\n', /several YAML documents/],
  'broken YAML': ['roles: [a\n', /not valid YAML/],
  'a text for a list': ['roles: reporting\n', /"roles" must be a list/],
};

for (const [what, [text, fault]] of Object.entries(wrong)) {
  test(`${what} is refused with its place`, () => {
    const rendered = faultsOf(text);
    assert.match(rendered, fault);
    assert.match(rendered, /^registry\.yaml/);
  });
}

test('every fault is found in one go', () => {
  const rendered = faultsOf(
    header + job.replace('cron', 'crone').replace('[reporting]', '[x]') + database.replace('15m', '0s'),
  );
  assert.equal(rendered.split('\n').filter((line) => line.startsWith('registry.yaml:')).length, 3);
});

test('hostile sizes and depths are refused, not suffered', () => {
  assert.match(faultsOf('[['.repeat(50_000)), /nested too deeply|not valid YAML|must be a mapping/);
  assert.match(faultsOf(`roles: ${'[a,'.repeat(20_000)}`), /nested too deeply|not valid YAML/);
  const bomb = `roles: &a [x]\n${Array.from({ length: 50 }, (_, i) => `k${i}: [*a, *a, *a]`).join('\n')}\n`;
  assert.match(faultsOf(bomb), /unknown key "k0"/);
  const roles = Array.from({ length: 17 }, (_, i) => `r${i}`);
  assert.match(
    faultsOf(`environments: [demo]\nroles: [${roles}]\n${job.replace('[reporting]', `[${roles}]`)}`),
    /"roles" has 17 items: at most 16/,
  );
});

test('names of object parts are only names', () => {
  const { faults } = parse(
    header + database.replace('{ groupRole: stint_demo_read }', '{ constructor: a, toString: b }'),
  );
  assert.deepEqual(faults, []);
  assert.match(faultsOf('__proto__: []\n'), /unknown key "__proto__"/);
});

test('an empty file is an empty registry', () => {
  assert.deepEqual(parse('').faults, []);
  assert.deepEqual(parse('# nothing yet\n').faults, []);
});
