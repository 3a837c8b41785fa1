import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Mesh } from '../../deploy/mesh/mesh.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { MeshUnderTest } from './mesh-under-test.ts';
import { type Scope, tempDir } from './temp-dir.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The Node that runs the launcher; this one unless given. */
  readonly node?: string;
};

export type CommandEnd = { readonly stdout: string; readonly stderr: string; readonly code: number | null };

/** A command that has been started; its ending is awaited from the beginning, since it may come before anybody asks. */
export type StartedCommand = {
  readonly child: ChildProcess & {
    readonly stdout: NodeJS.ReadableStream;
    readonly stderr: NodeJS.ReadableStream;
  };
  readonly ended: Promise<CommandEnd>;
};

/** The `stint` command as a user types it, in the folder of a whole real mesh that is its own. */
export class StintOnMesh {
  readonly mesh: Mesh;
  /** Where commands are typed; the mesh's state is below it. */
  readonly directory: string;
  /** XDG_RUNTIME_DIR: where `exec` puts its files. */
  readonly runtime: string;
  readonly #at: MeshUnderTest;

  private constructor(at: MeshUnderTest, places: { directory: string; runtime: string }) {
    this.#at = at;
    this.mesh = at.mesh;
    this.directory = places.directory;
    this.runtime = places.runtime;
  }

  static async start(scope: Scope): Promise<StintOnMesh> {
    const directory = tempDir(scope);
    const runtime = path.join(directory, 'runtime');
    mkdirSync(runtime, { mode: 0o700 });
    const at = await MeshUnderTest.start(scope, { directory: path.join(directory, '.stint') });
    return new StintOnMesh(at, { directory, runtime });
  }

  /** The variables of a user's shell, in which `stint` is on the path. */
  environmentOf({ env }: RunOptions = {}): Record<string, string> {
    const { PATH = '', HOME = '' } = process.env;
    return {
      PATH: `${path.join(repositoryRoot, 'node_modules/.bin')}:${PATH}`,
      HOME,
      NO_COLOR: '1',
      XDG_RUNTIME_DIR: this.runtime,
      ...env,
    };
  }

  start(args: readonly string[], options: RunOptions = {}): StartedCommand {
    const child = spawn(options.node ?? process.execPath, [launcher, ...args], {
      cwd: options.cwd ?? this.directory,
      env: this.environmentOf(options),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'exit') as Promise<[number | null]>;
    const ended = Promise.all([text(child.stdout), text(child.stderr), exit]).then(
      ([stdout, stderr, [code]]) => ({ stdout, stderr, code }),
    );
    return { child, ended };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<CommandEnd> {
    return this.start(args, options).ended;
  }

  /** What a command that succeeds answers to machines. */
  async json(args: readonly string[]) {
    const { code, stdout, stderr } = await this.run([...args, '-o', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** Names of the users of leases that stand at the demo's target. */
  async liveRoles(): Promise<string[]> {
    const roles = await this.#at.roles();
    return roles.map(({ name }) => name);
  }

  /** Keeps the broker out of the demo's target until it is opened again, as if it were down. */
  async closeTarget(): Promise<void> {
    await this.#at.query('alter role stint_broker connection limit 0');
    // In a transaction of its own: the broker would be let in again by one that is not committed yet.
    await this.#at.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'stint_broker'",
    );
  }

  async openTarget(): Promise<void> {
    await this.#at.query('alter role stint_broker connection limit -1');
  }

  async assertNothingIsLeft(): Promise<void> {
    assert.deepEqual(await this.liveRoles(), []);
    assert.deepEqual(readdirSync(this.runtime), []);
  }
}
