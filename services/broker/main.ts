import { configure, runService } from '@stint/common/lifecycle.ts';
import { brokerConfig } from './config.ts';
import { startBroker } from './wire.ts';

const config = configure(brokerConfig);
if (config !== undefined) {
  const { exitWithParent } = config;
  await runService({ name: 'broker', exitWithParent, start: (service) => startBroker(config, service) });
}
