import { parseConfig } from '@stint/common/config/parse-config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { auditorConfig } from '../../services/auditor/config.ts';
import { startAuditor } from '../../services/auditor/wire.ts';

/* The auditor's program with a minute between checkpoints, which the option does not allow: what is signed sooner is signed at once. */
const outcome = parseConfig(auditorConfig, {
  args: process.argv.slice(2),
  environment: {},
  directory: process.cwd(),
});
if (outcome.kind === 'print') throw new Error(outcome.text);
const config = { ...outcome.config, checkpointInterval: 60_000 };
await runService({ name: 'auditor', start: (service) => startAuditor(config, service) });
