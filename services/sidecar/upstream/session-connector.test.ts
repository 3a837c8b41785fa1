import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { capturedLog } from '../../../test/harness/captured-log.ts';
import { SessionConnector } from './session-connector.ts';

/** A connector whose identity comes when the test says so, to a broker that is never there, and what it logs. */
function startConnector(t: TestContext) {
  const { log, lines } = capturedLog();
  let tellSvid: () => void = assert.fail;
  let isAttested = false;
  const ignore = () => undefined;
  const connector = new SessionConnector({
    dial: () => {
      throw new ServiceError('BROKER_UNAVAILABLE', 'nobody answers');
    },
    svids: {
      current: () => {
        if (isAttested) return { svid: { sha256: 'svid' } } as SvidState;
        throw new ServiceError('IDENTITY_NOT_READY', 'there is no SVID yet');
      },
      onChange: (listener) => {
        tellSvid = () => listener({} as SvidState);
        return ignore;
      },
    },
    clock: systemClock,
    log,
    nextId: () => 1,
    ready: ignore,
    message: ignore,
    closed: ignore,
    refused: ignore,
  });
  connector.start();
  t.after(() => connector.stop());
  const attest = () => {
    isAttested = true;
    tellSvid();
  };
  const logged = () => lines.map(({ level, reason }) => `${level} ${reason}`);
  return { attest, logged };
}

test('waiting for the first identity is no warning, and the first failure to connect after it is', (t) => {
  const { attest, logged } = startConnector(t);
  assert.deepEqual(logged(), ['debug IDENTITY_NOT_READY']);
  attest();
  assert.deepEqual(logged(), ['debug IDENTITY_NOT_READY', 'warn BROKER_UNAVAILABLE']);
});
