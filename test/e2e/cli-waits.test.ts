import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { findProgram } from '../../deploy/tools.ts';
import { skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { StintOnMesh } from '../harness/stint-on-mesh.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { until } from '../harness/until.ts';

/** How long what is waited for may take, in milliseconds. */
const deadlineMs = 20_000;

const interrupt = '\u0003';

const skip =
  skipWithoutMesh || (findProgram('script') === undefined && 'NOT TESTED: script is not installed');

describe('a command at a terminal that has to wait', { skip }, () => {
  const scope = suiteScope();
  let cli: StintOnMesh;

  before(async () => {
    cli = await StintOnMesh.start(scope);
  });

  /** Types a command at a terminal of its own. */
  function typeAtTerminal(line: string) {
    const child: ChildProcess = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd: cli.directory,
      env: { ...cli.environmentOf(), TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let shown = '';
    child.stdout?.on('data', (chunk) => (shown += chunk));
    const exit = once(child, 'exit') as Promise<[number | null]>;
    const showing = (text: RegExp) => until(text.source, deadlineMs, () => Promise.resolve(text.test(shown)));
    return { exit, shown: () => shown, showing, press: (key: string) => child.stdin?.write(key) };
  }

  /** Does something while a part of the mesh hangs. */
  async function whileStopped(
    part: 'broker' | 'sidecar' | 'auditor',
    act: () => Promise<void>,
  ): Promise<void> {
    const { pid } = cli.mesh.service(part);
    process.kill(pid, 'SIGSTOP');
    try {
      await act();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  const commands = {
    request: 'stint request demo-db read --fresh --reason waits',
    exec: 'stint exec demo-db read --reason waits -- echo it ran',
  };
  for (const [name, line] of Object.entries(commands)) {
    it(`${name} says for whom and how long, and Ctrl-C ends it`, async () => {
      await whileStopped('broker', async () => {
        const typed = typeAtTerminal(line);
        await typed.showing(/for the broker, or the target behind it: 2\ds more at most; Ctrl-C gives up/);
        typed.press(interrupt);
        assert.deepEqual(await typed.exit, [130, null], typed.shown());
        assert.doesNotMatch(typed.shown(), /it ran|error/);
      });
      assert.deepEqual(readdirSync(cli.runtime), []);
    });
  }

  it('tells of a sidecar that does not answer', async () => {
    await whileStopped('sidecar', async () => {
      for (const line of Object.values(commands)) {
        const typed = typeAtTerminal(line);
        await typed.showing(/still waiting for the sidecar, which does not answer: \d+s more at most/);
        typed.press(interrupt);
        assert.deepEqual(await typed.exit, [130, null], typed.shown());
      }
    });
  });

  const asked = {
    broker: ['stint status', 'stint grants list', 'stint explain demo-db read', 'stint registry list'],
    auditor: [
      ...['stint status', 'stint audit list', 'stint audit tail'],
      ...['stint audit gap list', 'stint audit quarantine list'],
    ],
  } as const;
  for (const [part, lines] of Object.entries(asked) as [keyof typeof asked, readonly string[]][]) {
    it(`every command that asks the ${part} says within seconds that it waits for it, and Ctrl-C ends it`, async () => {
      await whileStopped(part, async () => {
        for (const line of lines) {
          const typed = typeAtTerminal(line);
          await typed.showing(new RegExp(`still waiting for the ${part} to answer: 9s more at most; Ctrl-C`));
          typed.press(interrupt);
          assert.deepEqual(await typed.exit, [130, null], typed.shown());
          assert.doesNotMatch(typed.shown(), /error/);
        }
      });
    });
  }

  it('status says of a part that hangs where its log is, and what to do', async () => {
    await whileStopped('auditor', async () => {
      const { code, stdout } = await cli.run(['status']);
      assert.equal(code, 1);
      const advice =
        /its log is \.stint\/logs\/auditor\.log; if it stays so, stop the mesh \(Ctrl-C in npm start\)/;
      assert.match(stdout, new RegExp(`^auditor +down .* in time: .*; ${advice.source}`, 'm'));
    });
  });

  it('goes on when the broker does, and says nothing more', async () => {
    const typed = typeAtTerminal(commands.exec);
    await whileStopped('broker', () => typed.showing(/still waiting for/).then(() => undefined));
    assert.deepEqual(await typed.exit, [0, null], typed.shown());
    assert.equal(typed.shown().match(/still waiting/g)?.length, 1);
    assert.match(typed.shown(), /^it ran\r$/m);
  });

  it('leaves no user behind of what was given up', async () => {
    await until('every user gone', deadlineMs, async () => (await cli.liveRoles()).length === 0);
  });
});
