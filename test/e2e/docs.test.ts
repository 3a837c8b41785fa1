import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { findProgram, repositoryRoot } from '../../deploy/tools.ts';
import { documentCommands, firstBlock } from '../harness/document-text.ts';
import { MeshUnderTest, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

/** How long a command, or the bus's first word, may take, in milliseconds. */
const deadlineMs = 30_000;

/** How deploy/nats/README.md starts its listener, and what services/sidecar/README.md asks of its second sidecar. */
const listen = `node listen.mjs localhost:$(node -p "JSON.parse(fs.readFileSync('.stint/mesh.json')).ports.nats")`;
const request = "npx stint --sidecar-socket ci/sidecar.sock request demo-api deploy --reason 'release 41'";

/** Where services/broker/README.md has a target's password: no place that a test may write to. */
const documentedPasswordFile = '/run/secrets/stint-broker';

/** Commands of npm, with whatever arguments, and the file that runs them or that they run: some take longer than a test may. */
const npmRunBy: Readonly<Record<string, string>> = {
  'npm start': 'test/e2e/story.test.ts',
  'npm test': 'test/run.ts',
  'npm run setup': 'test/integration/setup.test.ts',
  'npm run check': 'test/check.ts',
  'npm run generate': 'test/generate.ts',
  'npm run bench': 'test/bench/main.ts',
};

/** Commands of `npx stint` that end with another exit code than 0. */
const exitCodes: Readonly<Record<string, number>> = {
  'npx stint request demo-db write --reason try': 3,
};

/** A service would run for ever: its configuration is checked instead. What ends by itself is run. */
const startsService = /^npx node services\/\w+\/main\.ts(?! keygen| verify|.* --help)/;

/** All pages but the command line's own, whose every command and output test/e2e/cli.test.ts compares. */
const pages = globSync('{*.md,{services,deploy,test}/**/*.md}', {
  cwd: repositoryRoot,
  exclude: (name) => name === 'node_modules',
})
  .filter((page) => page !== 'services/cli/README.md')
  .toSorted();

function read(page: string): string {
  return readFileSync(path.join(repositoryRoot, page), 'utf8');
}

it('what is not typed here as it stands is run by the file that is named', () => {
  const commands = pages.flatMap((page) => documentCommands(read(page)));
  const isNamed = (line: string) =>
    Object.keys(npmRunBy).some((npm) => line === npm || line.startsWith(`${npm} `));
  assert.deepEqual(
    commands.filter(({ line, tool }) => tool === 'npm' && !isNamed(line)),
    [],
  );
  for (const file of Object.values(npmRunBy)) assert.ok(existsSync(path.join(repositoryRoot, file)), file);
});

describe('the documentation, typed into a real mesh', { skip: skipWithoutMesh }, () => {
  const scope = suiteScope();
  let directory = '';
  let at: MeshUnderTest;

  before(async () => {
    directory = tempDir(scope);
    for (const folder of ['node_modules', 'services', 'deploy', 'proto'])
      symlinkSync(path.join(repositoryRoot, folder), path.join(directory, folder));
    mkdirSync(path.join(directory, 'runtime'), { mode: 0o700 });
    const passwordFile = path.join(directory, 'stint-broker.password');
    writeFileSync(passwordFile, 'secret', { mode: 0o600 });
    const providers = firstBlock(read('services/broker/README.md'), 'yaml') ?? '';
    assert.ok(providers.includes(documentedPasswordFile), providers);
    const atHand = providers.replace(documentedPasswordFile, passwordFile);
    writeFileSync(path.join(directory, 'providers.yaml'), atHand);
    at = await MeshUnderTest.start(scope, { directory: path.join(directory, '.stint') });
    // The auditor serves before it has reached the bus.
    await until('a mesh that is well', deadlineMs, async () => {
      const { code } = await type('npx stint status');
      return code === 0 ? code : undefined;
    });
  });

  /** Types a line in the mesh's folder. npx runs what it finds in node_modules/.bin, and so does this. */
  function start(line: string): ChildProcess {
    const bin = path.join(repositoryRoot, 'node_modules/.bin');
    const { PATH = '', HOME = '' } = process.env;
    return spawn('bash', ['-c', line.replaceAll(/\bnpx (?=stint|node)/g, `${bin}/`)], {
      cwd: directory,
      env: {
        PATH: `${bin}:${PATH}`,
        HOME,
        NO_COLOR: '1',
        XDG_RUNTIME_DIR: path.join(directory, 'runtime'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
    });
  }

  async function type(line: string): Promise<{ code: number | null; printed: string }> {
    const child = start(line);
    assert.ok(child.stdout !== null && child.stderr !== null);
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { code, printed: `${out}${err}` };
  }

  for (const page of pages) {
    for (const { line, tool } of documentCommands(read(page))) {
      if (tool === 'npm' || line === request) continue;
      const skip = / psql /.test(line) && findProgram('psql') === undefined && 'psql is not installed';
      it(`${page}: ${line}`, { skip }, async () => {
        const { code, printed } = await type(startsService.test(line) ? `${line} --check-config` : line);
        assert.equal(code, exitCodes[line] ?? 0, printed);
      });
    }
  }

  it('deploy/nats/README.md: an outside listener hears of a denial, by the program as it is printed', async () => {
    const page = read('deploy/nats/README.md');
    assert.ok(page.includes(`\n    ${listen}\n`), listen);
    const minted = await type('npx stint svid mint spiffe://stint.local/stint/viewer/siem --out viewer');
    assert.equal(minted.code, 0, minted.printed);
    writeFileSync(path.join(directory, 'listen.mjs'), firstBlock(page, 'js') ?? '');
    const listener = start(`exec ${listen}`);
    const heard = collect(listener);
    try {
      await until('the record of a denial', deadlineMs, async () => {
        await type('npx stint request demo-db write --reason heard');
        return /^\d+ access\.denied \d{4}-/m.test(heard());
      });
    } catch (fault) {
      assert.fail(`${String(fault)}: ${heard()}`);
    } finally {
      listener.kill();
      await once(listener, 'close');
    }
  });

  it('services/sidecar/README.md: a program of one’s own reads the database', async () => {
    const program = firstBlock(read('services/sidecar/README.md'), 'js') ?? '';
    writeFileSync(path.join(directory, 'ask.mjs'), program);
    const { code, printed } = await type('npx node ask.mjs');
    assert.equal(code, 0, printed);
    assert.match(printed, /count: '\d+'/);
  });

  it('services/sidecar/README.md: a second workload gets a sidecar and access', async () => {
    const commands = documentCommands(read('services/sidecar/README.md')).map(({ line }) => line);
    const [token = '', sidecar = '', asking] = commands;
    assert.equal(asking, request);
    const made = await type(token);
    assert.equal(made.code, 0, made.printed);
    const { mesh, bootstrap } = at.mesh.ports;
    const running = start(`exec ${sidecar} --broker 127.0.0.1:${mesh} --bootstrap 127.0.0.1:${bootstrap}`);
    const said = collect(running);
    try {
      await until('a second sidecar', deadlineMs, () => said().includes('"ready":"sidecar"'));
      const asked = await type(request);
      assert.equal(asked.code, 0, asked.printed);
    } catch (fault) {
      assert.fail(`${String(fault)}: ${said()}`);
    } finally {
      running.kill();
      await once(running, 'close');
    }
  });
});

/** All that a process says, so far. */
function collect(child: ChildProcess): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += String(chunk);
    });
  return () => said;
}
