import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@stint/common/time.ts';
import { SigningKeys } from '../../services/broker/providers/jwt/signing-keys.ts';
import { tempDir } from '../harness/temp-dir.ts';

const module = path.resolve(import.meta.dirname, '../../services/broker/providers/jwt/signing-keys.ts');

test('a kill at any moment of a rotation leaves every published key whole', async (t) => {
  const directory = path.join(tempDir(t), 'keys');
  const script = `
    const { SigningKeys } = await import(${JSON.stringify(module)});
    const keys = await SigningKeys.open(${JSON.stringify(directory)}, { now: () => Date.now() });
    for (;;) { await keys.rotate(); console.log(keys.keySet().keys[0].kid); }
  `;
  const published = new Set<string>();
  for (const lifeMs of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (kid) => published.add(kid));
    await once(lines, 'line');
    await delay(lifeMs); // the moment of the kill, not a wait for anything
    child.kill('SIGKILL');
    await once(lines, 'close');
    const after = await SigningKeys.open(directory, systemClock);
    const found = new Set(after.keySet().keys.map((key) => key.kid));
    for (const kid of published) assert.ok(found.has(kid), 'a key that was published is gone');
    assert.ok(after.signer().encodedHeader.length > 0);
  }
  const strays = readdirSync(directory).filter(
    (name) => !/^\d{13}\.pem(\.[0-9a-f]{12}\.partial)?$/.test(name),
  );
  assert.deepEqual(strays, []);
});
