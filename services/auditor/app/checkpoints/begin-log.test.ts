import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createLog } from '@stint/common/log.ts';
import { leafHash, treeHash } from '@stint/common/merkle.ts';
import { openNote, parseCheckpoint } from '@stint/common/signed-note.ts';
import { suiteScope } from '../../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../../test/harness/temp-dir.ts';
import { LogBeginningFile } from '../../store/log-beginning-file.ts';
import { LogFiles } from '../../store/log-files.ts';
import { createLogKey } from '../../store/log-key.ts';
import { openStore } from '../../store/open-store.ts';
import { verifyCommand, verifyDirectory } from '../../verify-command.ts';
import { LogSignal } from '../log-signal.ts';
import { beginLog } from './begin-log.ts';
import { CheckpointPublisher, checkSigned, LogMismatchError } from './publish-checkpoint.ts';

const scope = suiteScope();
const clock = { now: () => Date.UTC(2026, 10, 22) };

/** Starts and stops what signs, as the auditor does. */
async function startOnce(place: string, options: { readonly crashBeforeNote?: boolean } = {}) {
  const [logDir, stateDir] = [path.join(place, 'log'), path.join(place, 'state')];
  const key = await createLogKey(stateDir, 'stint.local/stint/log');
  const { store, close } = await openStore(logDir);
  try {
    const files = new LogFiles(logDir);
    checkSigned({ store, files, verifier: key.verifier, hashLeaf: leafHash });
    files.writeVerifierKey(key.verifierKey);
    const announcer = { announceEvent: () => undefined, sendReceipt: () => undefined };
    const log = createLog({ service: 'test', level: 'silent' });
    const common = { store, files, announcer, clock, log, signal: new LogSignal() };
    const publisher = new CheckpointPublisher({ ...common, signer: key.signer });
    const file = new LogBeginningFile(stateDir);
    const crashing = { isNoted: () => file.isNoted(), note: () => Promise.reject(new Error('crash')) };
    await beginLog(store, options.crashBeforeNote === true ? crashing : file, () => publisher.current());
    return { key, logDir };
  } finally {
    close();
  }
}

const verify = (...args: string[]) => {
  let text = '';
  const code = verifyCommand(args, (part) => (text += part));
  return { code, text };
};

test('a log has a signed checkpoint from its first moment on: that of the empty tree', async () => {
  const { key, logDir } = await startOnce(tempDir(scope));
  const note = readFileSync(path.join(logDir, 'checkpoint'), 'utf8');
  const checkpoint = parseCheckpoint(openNote(note, key.verifier) ?? '');
  assert.deepEqual(checkpoint, { origin: 'stint.local/stint/log', size: 0, root: treeHash([]) });
});

test('an empty log is told as empty, with its own exit code, and an old checkpoint tells that it was emptied', async () => {
  const place = tempDir(scope);
  const { logDir } = await startOnce(place);
  assert.deepEqual([...verifyDirectory({ logDir }).findings.counts.keys()], ['empty']);
  const words = verify('--log-dir', logDir);
  assert.equal(words.code, 22);
  assert.match(words.text, /^EMPTY: [\s\S]*would look the same without an old checkpoint/);
  rmSync(path.join(logDir, 'checkpoint'));
  assert.equal(verify('--log-dir', logDir).code, 12, 'without its public checkpoint it is no new log');
});

test('a log that was emptied is not begun anew under the same key, and is not signed', async () => {
  const place = tempDir(scope);
  const { logDir } = await startOnce(place);
  await startOnce(place);
  rmSync(logDir, { recursive: true });
  await assert.rejects(startOnce(place), LogMismatchError);
  await assert.rejects(startOnce(place), /this key has begun a log before/);
});

test('a crash between the first checkpoint and its note is repaired by the next start', async () => {
  const place = tempDir(scope);
  await assert.rejects(startOnce(place, { crashBeforeNote: true }), /crash/);
  const { logDir } = await startOnce(place);
  rmSync(logDir, { recursive: true });
  await assert.rejects(startOnce(place), LogMismatchError);
});
