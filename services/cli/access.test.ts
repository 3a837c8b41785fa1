import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import { acquireAccess } from './access.ts';
import type { CommandSession } from './command-session.ts';

const question = {
  resource: 'db',
  action: 'read',
  justification: '',
  context: { ticket: 'OPS 7' },
  fresh: true,
};

function sessionThatFails(fault: ServiceError): CommandSession {
  const channel = { call: () => Promise.reject(fault) };
  return { channel: () => Promise.resolve(channel) } as unknown as CommandSession;
}

test('a question without an answer is said to be one that may be granted, and where to look', async () => {
  for (const reason of ['DEADLINE_EXCEEDED', 'BROKER_UNAVAILABLE', 'SIDECAR_UNAVAILABLE'] as const)
    await assert.rejects(
      acquireAccess(sessionThatFails(new ServiceError(reason, 'no answer: it is busy')), question),
      {
        failure: {
          what: 'no answer',
          why: 'it is busy; it may still be granted, and what nobody received is ended again',
          fix: 'see whether it did before you try again: stint grants list --live',
          reason,
          exitCode: 1,
          metadata: {},
        },
      },
    );
});

test('a denial is followed by the command that explains it, with the same reason and facts', async () => {
  const denied = sessionThatFails(new ServiceError('GRANT_DENIED', 'no'));
  await assert.rejects(acquireAccess(denied, { ...question, justification: "INC-7: Ada's" }), {
    failure: {
      what: 'no',
      why: 'policy denied the request',
      fix: `stint explain db read --reason 'INC-7: Ada'\\''s' --context 'ticket=OPS 7'`,
      reason: 'GRANT_DENIED',
      exitCode: 3,
      metadata: {},
    },
  });
});
