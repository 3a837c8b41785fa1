import { newId } from '@stint/common/ids.ts';
import { Secret } from '@stint/common/secret.ts';
import { systemClock } from '@stint/common/time.ts';
import pg from 'pg';
import { scramIterationsDefault } from '../../services/broker/providers/postgres/config.ts';
import { scramVerifier } from '../../services/broker/providers/postgres/scram.ts';
import {
  demoResource,
  newIntent,
  type PostgresTarget,
  postgresTarget,
  readProfile,
} from '../harness/postgres-target.ts';
import type { Scope } from '../harness/temp-dir.ts';

/** A rate in operations per second, and the wait of one in milliseconds. */
export type Rate = { readonly rate: number; readonly p50: number; readonly p99: number; readonly n: number };

/** What leases at a real, durable PostgreSQL cost, beside what the server does at best on as many connections. */
export type PostgresLeaseFigures = {
  readonly connections: number;
  /** Leases created. */
  readonly create: Rate;
  /** Leases created, contained and removed, one after the other. */
  readonly whole: Rate;
  /** CREATE ROLE with a ready verifier, nothing else: what `create` is measured against. */
  readonly bareCreate: Rate;
  /** CREATE ROLE, then DROP ROLE: what `whole` is measured against. */
  readonly bareWhole: Rate;
  /** SELECT 1: a round trip. */
  readonly roundTrip: Rate;
};

/** How many callers there are for each connection, so that none is idle. */
const callersPerConnection = 2;

/** How many turns each figure's time is cut into. */
const turns = 4;

/** Starts a durable PostgreSQL set up as the demo's target, for {@link measurePostgresLeases}. */
export function benchTarget(scope: Scope): Promise<PostgresTarget> {
  return postgresTarget(scope, { isDurable: true });
}

/**
 * Measures on `connections` connections, `durationMs` for each figure, in turns: noise on the machine then meets all
 * of them alike. Leaves no role behind.
 */
export async function measurePostgresLeases(
  target: PostgresTarget,
  options: { readonly connections: number; readonly durationMs: number },
): Promise<PostgresLeaseFigures> {
  const { connections, durationMs } = options;
  const { host, port } = target.server.current();
  const bare = await BareRoles.connect({ host, port, password: target.brokerPassword }, connections);
  const provider = target.provider({ settings: { connections: String(connections) } });
  const { signal } = new AbortController();
  const place = { resource: demoResource, profile: readProfile };
  const create = async () => {
    const { lease } = newIntent(provider, { now: systemClock.now() });
    const { handle } = await provider.create(lease, place, signal);
    return { ...lease, handle };
  };
  const made: Awaited<ReturnType<typeof create>>[] = [];
  const callers = connections * callersPerConnection;
  const loops = {
    roundTrip: new Loop(connections, (caller) => bare.query(caller, 'SELECT 1')),
    bareCreate: new Loop(connections, (caller) => bare.create(caller)),
    create: new Loop(callers, async () => void made.push(await create())),
    bareWhole: new Loop(connections, (caller) => bare.createAndDrop(caller)),
    whole: new Loop(callers, async () => {
      const lease = await create();
      await provider.contain(lease, signal);
      await provider.remove(lease, signal);
    }),
  };
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      for (const loop of Object.values(loops)) await loop.run(durationMs / turns);
    }
    const figure = (name: keyof typeof loops) => loops[name].figure();
    return {
      connections,
      create: figure('create'),
      whole: figure('whole'),
      bareCreate: figure('bareCreate'),
      bareWhole: figure('bareWhole'),
      roundTrip: figure('roundTrip'),
    };
  } finally {
    await Promise.all(made.map((lease) => provider.remove(lease, signal)));
    await provider.close();
    await bare.close();
  }
}

/** The same server without us: the broker's own role, the same membership, one statement at a time on each connection. */
export class BareRoles {
  readonly #clients: readonly pg.Client[];
  readonly #verifier: string;
  readonly #names: string[] = [];

  private constructor(clients: readonly pg.Client[], verifier: string) {
    this.#clients = clients;
    this.#verifier = verifier;
  }

  static async connect(
    place: { readonly host: string; readonly port: number; readonly password: Secret },
    connections: number,
  ): Promise<BareRoles> {
    const { host, port } = place;
    const login = {
      host,
      port,
      user: 'stint_broker',
      database: 'postgres',
      password: place.password.revealText(),
    };
    const clients = Array.from({ length: connections }, () => new pg.Client(login));
    await Promise.all(clients.map((client) => client.connect()));
    return new BareRoles(clients, await scramVerifier(new Secret('bench'), scramIterationsDefault));
  }

  /** A role that is there until {@link close}. */
  async create(caller: number): Promise<void> {
    this.#names.push(await this.#create(caller));
  }

  async createAndDrop(caller: number): Promise<void> {
    await this.query(caller, `DROP ROLE ${await this.#create(caller)}`);
  }

  async query(caller: number, text: string): Promise<void> {
    await this.#clients[caller]?.query(text);
  }

  async close(): Promise<void> {
    for (const name of this.#names) await this.query(0, `DROP ROLE ${name}`);
    await Promise.all(this.#clients.map((client) => client.end()));
  }

  async #create(caller: number): Promise<string> {
    const name = `bench_${newId('lease', systemClock.now())}`;
    const groupRole = readProfile.settings['groupRole'];
    await this.query(caller, `CREATE ROLE ${name} LOGIN PASSWORD '${this.#verifier}' IN ROLE ${groupRole}`);
    return name;
  }
}

/** Runs `work` again and again from `callers` callers, for a time, as often as asked. */
export class Loop {
  readonly #callers: number;
  readonly #work: (caller: number) => Promise<unknown>;
  readonly #waits: number[] = [];
  #elapsedMs = 0;

  constructor(callers: number, work: (caller: number) => Promise<unknown>) {
    this.#callers = callers;
    this.#work = work;
  }

  async run(durationMs: number): Promise<void> {
    const start = performance.now();
    const call = async (caller: number) => {
      for (let now = start; now < start + durationMs; ) {
        await this.#work(caller);
        const end = performance.now();
        this.#waits.push(end - now);
        now = end;
      }
    };
    await Promise.all(Array.from({ length: this.#callers }, (_, caller) => call(caller)));
    this.#elapsedMs += performance.now() - start;
  }

  figure(): Rate {
    const waits = this.#waits.toSorted((a, b) => a - b);
    const at = (share: number) => waits[Math.floor((waits.length - 1) * share)] ?? Number.NaN;
    return { rate: (waits.length * 1_000) / this.#elapsedMs, p50: at(0.5), p99: at(0.99), n: waits.length };
  }
}
