import { runService } from '@stint/common/lifecycle.ts';

// A program for the lifecycle's tests: what goes wrong in it is named by its first argument.
const fault = process.argv[2];
const stay = setInterval(() => undefined, 60_000);

await runService({
  name: 'broker',
  exitWithParent: process.argv.includes('--exit-with-parent'),
  start: async (service) => {
    for (const part of ['store', 'server', 'relay']) {
      service.onStop(part, async (deadlineMs) => {
        await Promise.resolve();
        service.log.info({ part, has_time: deadlineMs > 0 }, 'part stopped');
        if (part === 'server' && fault === 'stop-throws') throw new Error('will not stop');
        if (part === 'server' && fault === 'stop-hangs') await Promise.withResolvers().promise;
      });
    }
    service.onStop('timer', () => clearInterval(stay));
    if (fault === 'start-throws') throw new Error('cannot start');
    if (fault === 'uncaught')
      setImmediate(() => {
        throw new Error('uncaught password=x');
      });
    if (fault === 'unhandled') setImmediate(() => void Promise.reject(new Error('unhandled')));
    if (fault === 'fails-later') setImmediate(() => service.fail('relay', new Error('lost its place')));
    await Promise.resolve();
    return { mesh: '127.0.0.1:7443' };
  },
});
