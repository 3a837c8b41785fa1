import { parseConfig } from '@stint/common/config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { brokerConfig } from './config.ts';
import { startBroker } from './wire.ts';

const outcome = parseConfig(brokerConfig, {
  args: process.argv.slice(2),
  environment: process.env,
  directory: process.cwd(),
});
if (outcome.kind === 'print') {
  (outcome.exitCode === 0 ? process.stdout : process.stderr).write(outcome.text);
  process.exitCode = outcome.exitCode;
} else {
  const { config } = outcome;
  await runService({
    name: 'broker',
    exitWithParent: config.exitWithParent,
    start: (service) => startBroker(config, service),
  });
}
