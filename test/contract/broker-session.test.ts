import { deployer, reader } from '../harness/broker-core.ts';
import { readQuestion, served } from '../harness/served-sessions.ts';
import { brokerSessionContract } from './broker-session.ts';

brokerSessionContract('a real broker', async (scope) => {
  const { core, open } = await served(scope);
  return {
    open: () => open(deployer),
    openStranger: () => open(reader),
    userQuestion: () => readQuestion(core),
    tokenQuestion: () => {
      const { ttlMs: _, ...question } = core.question({ resource: 'web', action: 'deploy' });
      return { requestAccess: question };
    },
    hold: () => core.target.hold('create'),
  };
});
