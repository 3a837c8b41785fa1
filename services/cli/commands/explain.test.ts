import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import type { CommandSession } from '../command-session.ts';
import type { Runner } from '../run-command.ts';
import { addExplainCommand } from './explain.ts';

const identity = 'spiffe://stint.local/demo/report-job';

/** What `explain` asks the broker, beside a sidecar that says this of itself. */
async function askedBy(args: readonly string[], sidecar = { spiffeId: identity, outage: '' }) {
  const asked: unknown[] = [];
  const broker = (question: unknown) => {
    asked.push(question);
    return { decision: 'deny', ruleIds: [], denyReasons: [], ttlMax: null, nearest: [], policySha256: '' };
  };
  const session = {
    channel: async (name: string) => ({
      call: async (_method: unknown, question: unknown) => (name === 'broker' ? broker(question) : sidecar),
    }),
    output: { result: () => undefined },
  } as unknown as CommandSession;
  const run: Runner =
    (work) =>
    async (...received) => {
      const command = received.at(-1) as Command;
      await work(session, { args: command.args, options: command.opts() as never });
    };
  const program = new Command();
  addExplainCommand(program, run);
  await program.parseAsync(['explain', ...args], { from: 'user' });
  return asked;
}

test('a question has the reason that a request would have', async () => {
  const request = { resource: 'db', action: 'write', justification: 'INC-7', context: { ticket: 'A' } };
  assert.deepEqual(await askedBy(['db', 'write', '--reason', 'INC-7', '--context', 'ticket=A']), [
    { spiffeId: identity, request },
  ]);
});

test('beside a sidecar without identity one is to be named, and why it has none is told', async () => {
  const outage = 'the sidecar has no identity: the join token is missing';
  const failure = {
    what: 'the sidecar has no identity',
    why: 'the join token is missing',
    fix: 'name whose question it is: --as SPIFFE_ID; stint registry list shows who there is',
    reason: 'IDENTITY_NOT_READY',
    exitCode: 4,
    metadata: {},
  };
  await assert.rejects(askedBy(['db', 'read'], { spiffeId: '', outage }), { failure });
  await assert.rejects(askedBy(['db', 'read'], { spiffeId: '', outage: '' }), {
    failure: {
      ...failure,
      what: 'the sidecar has no identity yet',
      why: 'the sidecar has no valid SVID yet',
    },
  });
  const asked = await askedBy(['db', 'read', '--as', identity], { spiffeId: '', outage });
  assert.equal(asked.length, 1);
});
