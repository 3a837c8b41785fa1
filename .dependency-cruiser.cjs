/**
 * Who may import whom. Type imports count. `npm run check` runs it and also fails when a source file was not seen.
 * The services' layout: domain/ is pure; app/ is one use case a file; every other folder is an adapter.
 */
const test = '\\.test\\.ts$';
const service = '(broker|sidecar|auditor)';
const plugins = '(providers|attestors|surfaces)';
const wire = '^services/[^/]+/wire(\\.ts$|/)';

/** Modules of common without I/O and without state: all that a domain may know of the world outside it. */
const pureCommon =
  '^services/common/(audit-batch|audit-event|canonical-json|errors|event-table|ids|merkle|secret|signed-note|spiffe-id|time)\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'domain/ knows its own nouns and the pure ones of common; node:crypto for hashing.',
      severity: 'error',
      from: { path: `^services/${service}/domain/`, pathNot: test },
      to: { pathNot: ['^services/$1/domain/', pureCommon, '^(node:)?crypto$'] },
    },
    {
      name: 'app-knows-no-adapter',
      comment:
        'A use case meets the world through its ports (app/ports.ts, app/ports/); wire.ts gives it the real ones.',
      severity: 'error',
      from: { path: `^services/${service}/app/`, pathNot: test },
      to: { path: '^services/$1/', pathNot: '^services/$1/(app|domain)/' },
    },
    {
      name: 'adapters-stand-alone',
      comment:
        'An adapter knows domain/, app/ and its own folder. What two adapters share is a domain noun, a port, or common.',
      severity: 'error',
      from: {
        path: `^services/${service}/(?!app/|domain/|wire/)([^/]+)/`,
        pathNot: ['^services/broker/policy/', test],
      },
      to: { path: '^services/$1/', pathNot: '^services/$1/(app|domain|$2)/' },
    },
    {
      name: 'policy-knows-the-registry',
      comment:
        'A bundle is judged whole: the schema of its policies comes from its registry, never the other way.',
      severity: 'error',
      from: { path: '^services/broker/policy/', pathNot: test },
      to: { path: '^services/broker/', pathNot: '^services/broker/(app|domain|policy|registry)/' },
    },
    {
      name: 'driven-adapters-see-ports-only',
      comment: 'What app/ calls does not call app/: it implements a port.',
      severity: 'error',
      from: {
        path: `^services/${service}/(store|providers|attestors|bus|policy|upstream|delivery)/`,
        pathNot: test,
      },
      to: { path: '^services/$1/app/', pathNot: '^services/$1/app/ports(\\.ts$|/)' },
    },
    {
      name: 'migrations-are-frozen',
      comment:
        'A migration says in its own words what it made: what it took from the code of today would change the past with it.',
      severity: 'error',
      from: { path: '/store/migrations/', pathNot: test },
      to: { path: '^(services|deploy|test)/', pathNot: '/store/migrations/column-types\\.ts$' },
    },
    {
      name: 'plugins-through-their-catalog',
      comment: 'A provider, attestor or surface is added by a folder and a line in its catalog.',
      severity: 'error',
      from: { path: '^services/', pathNot: [`^services/[^/]+/${plugins}/([^/]+/|catalog\\.ts$)`, test] },
      to: { path: `^services/[^/]+/${plugins}/[^/]+/` },
    },
    {
      name: 'plugins-stand-alone',
      comment: 'One provider knows nothing of another: each can be read, tested and removed by itself.',
      severity: 'error',
      from: { path: `^services/([^/]+)/${plugins}/([^/]+)/` },
      to: { path: '^services/$1/$2/[^/]+/', pathNot: '^services/$1/$2/$3/' },
    },
    {
      name: 'only-wire-knows-adapters',
      comment:
        'wire.ts, with its parts in wire/, is the composition root: it alone knows which adapter stands behind which port.',
      severity: 'error',
      from: { path: `^services/${service}/[^/]+\\.ts$`, pathNot: ['/(wire|verify-command)\\.ts$', test] },
      to: { path: '^services/$1/', pathNot: ['^services/$1/(app|domain)/', '^services/$1/[^/]+$'] },
    },
    {
      name: 'only-wire-knows-catalogs',
      severity: 'error',
      from: { path: '^services/', pathNot: [wire, `/${plugins}/[^/]+\\.ts$`, test] },
      to: { path: '/catalog\\.ts$' },
    },
    {
      name: 'only-main-knows-wire',
      severity: 'error',
      from: { path: '^services/', pathNot: ['/main\\.ts$', wire, test] },
      to: { path: wire },
    },
    {
      name: 'only-program-knows-commands',
      comment: 'What two commands share, or another part needs, stands beside commands/, not in it.',
      severity: 'error',
      from: { path: '^services/cli/', pathNot: ['^services/cli/(commands/|program\\.ts$)', test] },
      to: { path: '^services/cli/commands/' },
    },
    {
      name: 'services-meet-in-the-contract',
      comment: 'One service never imports another: they talk through proto/.',
      severity: 'error',
      from: { path: '^services/(broker|sidecar|auditor|cli)/' },
      to: { path: '^services/(broker|sidecar|auditor|cli)/', pathNot: '^services/$1/' },
    },
    {
      name: 'common-knows-no-service',
      severity: 'error',
      from: { path: '^services/common/' },
      to: { path: '^services/(?!common/)' },
    },
    {
      name: 'common-is-shared',
      comment: 'What one module needs stands beside it; common holds what at least two need.',
      severity: 'error',
      from: { path: '^(services|deploy)/', pathNot: test },
      module: {
        path: '^services/common/[^/]+\\.ts$',
        pathNot: test,
        numberOfDependentsLessThan: 2,
      },
    },
    {
      name: 'production-knows-no-test',
      severity: 'error',
      from: { path: '^(services|deploy)/', pathNot: test },
      to: { path: ['^test/', test] },
    },
    {
      name: 'services-know-no-deployment',
      comment: 'Only the command line starts local servers; a service does not know how it is deployed.',
      severity: 'error',
      from: { path: '^services/(common|broker|sidecar|auditor)/' },
      to: { path: '^deploy/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'every-import-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
    fence('kysely', ['kysely'], ['^services/[^/]+/store/', '^services/common/sqlite-dialect\\.ts$']),
    fence('grpc', ['@grpc/.+'], ['^services/common/', '/(rpc|upstream|workload-api)/']),
    fence('cedar', ['@cedar-policy/.+'], ['/policy/']),
    fence('pg', ['pg'], ['/store/', '/providers/postgres/']),
    fence('nats', ['@nats-io/.+'], ['^services/common/nats', '/(bus|ingest)/']),
    fence('telemetry-sdk', ['@opentelemetry/(?!api/).+'], ['^services/common/telemetry']),
    fence('jose', ['jose'], ['/(attestors|providers)/', '/[^/]*(token|jwks|key)[^/]*\\.ts$']),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^services/common/gen/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['node', 'import', 'types'], exportsFields: ['exports'] },
  },
};

/** A rule that keeps npm packages inside the files that may know them. */
function fence(name, packages, allowed) {
  return {
    name: `fence-${name}`,
    comment: `Only ${allowed.join(' and ')} may import ${packages.join(', ')}.`,
    severity: 'error',
    from: { path: '^services/', pathNot: [...allowed, test] },
    to: { path: packages.map((name) => `(^|/)node_modules/${name}/`) },
  };
}
