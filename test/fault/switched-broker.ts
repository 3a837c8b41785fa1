import { parseConfig } from '@stint/common/config/parse-config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { brokerConfig } from '../../services/broker/config.ts';
import { startBroker } from '../../services/broker/wire.ts';
import { crashSwitch, crashSwitchVariable } from './crash-switch.ts';

/* The broker's program, but it kills itself at the step that the crash switch names. */
const outcome = parseConfig(brokerConfig, {
  args: process.argv.slice(2),
  environment: {},
  directory: process.cwd(),
});
if (outcome.kind === 'print') throw new Error(outcome.text);
const step = crashSwitch(process.env[crashSwitchVariable] ?? '');
await runService({
  name: 'broker',
  start: (service) => startBroker(outcome.config, service, { step }),
});
