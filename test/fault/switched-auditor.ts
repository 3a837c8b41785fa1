import { parseConfig } from '@stint/common/config/parse-config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { auditorConfig } from '../../services/auditor/config.ts';
import { startAuditor } from '../../services/auditor/wire.ts';
import { crashSwitch, crashSwitchVariable } from './crash-switch.ts';

/* The auditor's program, but it kills itself at the step that the crash switch names. */
const outcome = parseConfig(auditorConfig, {
  args: process.argv.slice(2),
  environment: {},
  directory: process.cwd(),
});
if (outcome.kind === 'print') throw new Error(outcome.text);
const crashPoint = crashSwitch(process.env[crashSwitchVariable] ?? '');
await runService({
  name: 'auditor',
  start: (service) => startAuditor(outcome.config, service, { crashPoint }),
});
