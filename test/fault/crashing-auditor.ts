import { parseConfig } from '@stint/common/config/parse-config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { auditorConfig } from '../../services/auditor/config.ts';
import { startAuditor } from '../../services/auditor/wire.ts';

/*
 * The auditor's program, but it kills itself the n-th time that it comes to a step: CRASH_AT="before append 3".
 * SIGKILL, so that nothing is flushed, closed or said. SKIP_AFTER_MS=0: a gap may be skipped at once.
 */
const [, step, count] = /^(.+) (\d+)$/.exec(process.env['CRASH_AT'] ?? '') ?? [];
let left = Number(count ?? 0);

const outcome = parseConfig(auditorConfig, {
  args: process.argv.slice(2),
  environment: {},
  directory: process.cwd(),
});
if (outcome.kind === 'print') throw new Error(outcome.text);
const crashPoint = (reached: string) => {
  if (reached === step && --left === 0) process.kill(process.pid, 'SIGKILL');
};
const { SKIP_AFTER_MS: skipAfterMs } = process.env;
const haste = skipAfterMs === undefined ? {} : { skipAfterMs: Number(skipAfterMs) };
await runService({
  name: 'auditor',
  start: (service) => startAuditor(outcome.config, service, { crashPoint, ...haste }),
});
