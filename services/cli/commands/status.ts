import path from 'node:path';
import type { QuarantinedMessage__Output } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import type { TargetStatus__Output } from '@stint/common/gen/stint/broker/v1/TargetStatus.ts';
import type { GetStatusResponse__Output } from '@stint/common/gen/stint/sidecar/v1/GetStatusResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration } from '@stint/common/proto-time.ts';
import type { Command } from 'commander';
import { meshPaths } from '../../../deploy/mesh/mesh-paths.ts';
import { quarantinedMessages } from '../audit/quarantined-messages.ts';
import { asTyped, calledAs } from '../called-as.ts';
import { failureOf } from '../cli-error.ts';
import type { CommandSession, ServiceName } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { type Cell, renderTable } from '../terminal/table.ts';
import { pathText } from '../views/path-text.ts';
import { targetJson, targetRow, targetState } from '../views/target-view.ts';
import { distanceText, timeJson } from '../views/time-text.ts';

/** One part of the mesh: what it says of itself, and what is wrong with it. */
type PartStatus = {
  readonly part: ServiceName;
  readonly spiffeId: string;
  /** For people: facts in a few words. */
  readonly summary: string;
  /** For people and programs: what is wrong; empty when nothing is. */
  readonly problems: readonly string[];
  /** For people: where to look and what to do, when it could not be asked. */
  readonly advice?: readonly string[];
  /** Whether one of them cannot wait: a history was forged. */
  readonly isAlarm?: boolean;
  /** For programs; null when the part could not be asked. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  /** Of a broker that was asked: the targets at which it makes credentials. */
  readonly targets?: readonly TargetStatus__Output[];
};

/** Keys of each part's facts, which programs find there also when the part is down. */
const factKeys = {
  sidecar: ['version', 'svid_expires_at', 'connected', 'leases', 'cache_hits', 'cache_misses'],
  broker: [
    ...(['version', 'started_at', 'store', 'policies', 'policy_sha256', 'sessions', 'leases'] as const),
    ...(['audit_sequence', 'audit_backlog', 'audit_backlog_age_ms', 'bus_connected', 'refusing'] as const),
  ],
  auditor: [
    ...(['version', 'size', 'checkpoint_size', 'checkpoint_at', 'quarantined', 'equivocations'] as const),
    ...(['bus_connected', 'sources'] as const),
  ],
} as const satisfies Record<ServiceName, readonly string[]>;

type Facts<Part extends ServiceName> = Record<(typeof factKeys)[Part][number], unknown>;

/** Adds `stint status`. */
export function addStatusCommand(program: Command, run: Runner): void {
  const command = program.command('status').action(
    run(async (session) => {
      const parts = await Promise.all([
        ask(session, 'sidecar', sidecarStatus),
        ask(session, 'broker', brokerStatus),
        ask(session, 'auditor', auditorStatus),
      ]);
      const fault = parts.every((part) => part.facts === null) ? await whyNothingRuns(session) : undefined;
      // People are told the one thing to do, which three rows of "down" would hide; programs find every key in any case.
      if (fault === undefined || session.output.format === 'json') writeStatus(session, parts);
      if (fault !== undefined) throw fault;
      return isHealthy(parts) ? exitCodes.ok.code : exitCodes.error.code;
    }),
  );
  describeCommand(command, {
    purpose: 'Show how sidecar, broker, auditor and targets do',
    examples: ['stint status', 'stint status -o json'],
    notes: [
      'The exit code is 1 when a part is down or unwell, or a target is unwell.',
      'A target is unwell when it was away at the last call of the broker, who asks each at least once a minute.',
      'ALARM: a broker signed two histories. Its store, or its key, is in wrong hands.',
    ],
    next: ['stint grants list --live', 'stint request demo-db read --reason TEXT'],
  });
}

/** Why nobody answers, when that is because nothing runs: what to start. Undefined when the sidecar does run. */
function whyNothingRuns(session: CommandSession): Promise<unknown> {
  return session.channel('sidecar').then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

function isHealthy(parts: readonly PartStatus[]): boolean {
  const targets = parts.flatMap((part) => part.targets ?? []);
  return (
    parts.every((part) => part.problems.length === 0) &&
    targets.every((target) => targetState(target) !== 'unwell')
  );
}

function writeStatus(session: CommandSession, parts: readonly PartStatus[]): void {
  const targets = parts.flatMap((part) => part.targets ?? []);
  session.output.result({
    json: {
      healthy: isHealthy(parts),
      parts: Object.fromEntries(parts.map((part) => [part.part, partJson(part)])),
      targets: parts.some((part) => part.targets !== undefined) ? targets.map(targetJson) : null,
    },
    table: (paint) =>
      renderTable(
        ['PART', 'STATE', 'IDENTITY', 'FACTS'],
        [...parts.map(partRow), ...targets.map((target) => targetRow(target, session.clock.now()))],
        paint,
      ),
  });
}

function stateOf({ problems, facts }: Pick<PartStatus, 'problems' | 'facts'>): 'down' | 'unwell' | 'up' {
  if (facts === null) return 'down';
  return problems.length > 0 ? 'unwell' : 'up';
}

function partRow({ problems, spiffeId, summary, advice = [], ...status }: PartStatus): readonly Cell[] {
  const facts = [...problems, ...advice, ...(summary === '' ? [] : [summary])].join('; ');
  return [status.part, stateCell({ problems, ...status }), spiffeId, facts];
}

function stateCell(status: Pick<PartStatus, 'problems' | 'facts' | 'isAlarm'>): Cell {
  if (status.isAlarm === true) return { text: 'ALARM', paint: 'red' };
  const state = stateOf(status);
  return { text: state, paint: ({ down: 'red', unwell: 'yellow', up: 'green' } as const)[state] };
}

function partJson(status: PartStatus): object {
  const { part, problems, spiffeId, facts } = status;
  const unknown = Object.fromEntries(factKeys[part].map((key) => [key, null]));
  const who = spiffeId === '' ? null : spiffeId;
  return { state: stateOf(status), spiffe_id: who, problems, ...(facts ?? unknown) };
}

async function ask(
  session: CommandSession,
  part: ServiceName,
  read: (session: CommandSession) => Promise<PartStatus>,
): Promise<PartStatus> {
  try {
    const status = await read(session);
    const called = calledAs(session.environment);
    return { ...status, problems: status.problems.map((text) => asTyped(text, called)) };
  } catch (thrown) {
    const { what, why } = failureOf(thrown);
    const advice = adviceOn(session, part);
    return { part, spiffeId: '', summary: '', problems: [`${what}: ${why}`], advice, facts: null };
  }
}

/** Of a part of the mesh that `npm start` runs; of others only who runs them knows. */
function adviceOn(session: CommandSession, part: ServiceName): readonly string[] {
  const source = sourceOf(session, part);
  if (source === undefined || path.basename(source) !== 'mesh.json') return [];
  const log = path.join(meshPaths(path.dirname(source)).logs, `${part}.log`);
  return [
    `its log is ${pathText(log, process.cwd())}`,
    'if it stays so, stop the mesh (Ctrl-C in npm start) and start it again',
  ];
}

/** Who named a part's socket; undefined when nobody did, or is believed. */
function sourceOf(session: CommandSession, part: ServiceName): string | undefined {
  try {
    return session.endpoint(part).source;
  } catch {
    return undefined; // why is told already, as the part's problem
  }
}

async function sidecarStatus(session: CommandSession): Promise<PartStatus> {
  const channel = await session.channel('sidecar');
  const status = await channel.call(services.sidecar.GetStatus, {});
  const { spiffeId, svidExpiresAt, leases, version } = status;
  const svidEnd = distanceText(svidExpiresAt, session.clock.now());
  return {
    part: 'sidecar',
    spiffeId,
    summary: [
      ...(svidEnd === undefined ? [] : [`SVID ends ${svidEnd}`]),
      `leases held: ${leases}`,
      `version ${version}`,
    ].join('; '),
    problems: sidecarProblems(status),
    facts: {
      version,
      svid_expires_at: timeJson(svidExpiresAt),
      connected: status.connected,
      leases,
      cache_hits: status.cacheHits,
      cache_misses: status.cacheMisses,
    } satisfies Facts<'sidecar'>,
  };
}

/** What a sidecar says is missing; in our words of one that is older than its saying so. */
function sidecarProblems({ spiffeId, connected, outage }: GetStatusResponse__Output): readonly string[] {
  if (outage !== '') return [outage];
  return [
    ...(spiffeId === '' ? ['it has no identity yet'] : []),
    ...(connected ? [] : ['it has no session with a broker']),
  ];
}

async function brokerStatus(session: CommandSession): Promise<PartStatus> {
  const channel = await session.channel('broker');
  const status = await channel.call(services.admin.GetStatus, {});
  const leases = Object.entries(status.leases).map(([state, count]) => `${count} ${state}`);
  return {
    part: 'broker',
    spiffeId: status.spiffeId,
    summary: [
      `policies: ${status.policies}`,
      `sessions: ${status.sessions}`,
      `leases: ${leases.length === 0 ? 'none' : leases.join(', ')}`,
      `events not yet in a checkpoint: ${status.auditBacklog}`,
      `store ${status.store}`,
      `version ${status.version}`,
    ].join('; '),
    problems: [
      ...(status.refusing === '' ? [] : [`it refuses new grants: ${status.refusing}`]),
      ...(status.busConnected ? [] : ['it has no connection to the bus']),
    ],
    facts: {
      version: status.version,
      started_at: timeJson(status.startedAt),
      store: status.store,
      policies: status.policies,
      policy_sha256: status.policySha256,
      sessions: status.sessions,
      leases: status.leases,
      audit_sequence: status.auditSequence,
      audit_backlog: status.auditBacklog,
      audit_backlog_age_ms: fromDuration(status.auditBacklogAge) ?? 0,
      bus_connected: status.busConnected,
      refusing: status.refusing === '' ? null : status.refusing,
    } satisfies Facts<'broker'>,
    targets: status.targets,
  };
}

async function auditorStatus(session: CommandSession): Promise<PartStatus> {
  const channel = await session.channel('auditor');
  const status = await channel.call(services.audit.GetStatus, {});
  const now = session.clock.now();
  const gaps = status.sources.filter(
    (source) => source.missingFrom !== undefined && source.missingSince !== null,
  );
  const equivocations = status.quarantined === 0 ? [] : await findEquivocations(channel);
  return {
    part: 'auditor',
    spiffeId: '',
    summary: [
      `records: ${status.size}`,
      `checkpoint of ${status.checkpointSize} signed ${distanceText(status.checkpointAt, now) ?? 'never'}`,
      `version ${status.version}`,
    ].join('; '),
    isAlarm: equivocations.length > 0,
    problems: [
      ...equivocations.map(equivocationText),
      ...(status.outage === '' ? [] : [status.outage]),
      ...(status.busConnected
        ? []
        : ['it has no bus: none is there, or its JetStream is off; its log says what to do']),
      ...gaps.map(
        ({ spiffeId, missingFrom }) => `event ${missingFrom} of ${spiffeId} is missing: stint audit gap list`,
      ),
      ...(status.quarantined === 0
        ? []
        : [`${status.quarantined} messages were refused: stint audit quarantine list`]),
    ],
    facts: {
      version: status.version,
      size: status.size,
      checkpoint_size: status.checkpointSize,
      checkpoint_at: timeJson(status.checkpointAt),
      quarantined: status.quarantined,
      equivocations: equivocations.map(({ id, broker }) => ({ id, broker: broker === '' ? null : broker })),
      bus_connected: status.busConnected,
      sources: status.sources.map((source) => ({
        spiffe_id: source.spiffeId,
        sequence: source.sequence,
        missing_from: source.missingFrom ?? null,
        missing_since: timeJson(source.missingSince),
        last_seen_at: timeJson(source.lastSeenAt),
      })),
    } satisfies Facts<'auditor'>,
  };
}

/** Two histories that one broker signed: what no fault of a disk or of the bus explains. */
async function findEquivocations(auditor: GrpcChannel): Promise<QuarantinedMessage__Output[]> {
  const found: QuarantinedMessage__Output[] = [];
  for await (const message of quarantinedMessages(auditor, { all: false }))
    if (message.reason === 'equivocation') found.push(message);
  return found;
}

function equivocationText({ id, broker, subject }: QuarantinedMessage__Output): string {
  const who = broker === '' ? `whoever publishes to ${subject}` : broker;
  return `ALARM: ${who} signed two histories (equivocation, refused message ${id}): stint audit quarantine list`;
}
