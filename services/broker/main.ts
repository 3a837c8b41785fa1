import { configure, runService } from '@stint/common/lifecycle.ts';
import { brokerConfig } from './config.ts';
import { configurationFaults, startBroker } from './wire.ts';

const config = await configure(brokerConfig, { faultsOf: configurationFaults });
if (config !== undefined) {
  const { exitWithParent } = config;
  await runService({ name: 'broker', exitWithParent, start: (service) => startBroker(config, service) });
}
