import { configure, runService } from '@stint/common/lifecycle.ts';
import { sidecarConfig, socketPath } from './config.ts';
import { startSidecar } from './wire.ts';

const config = await configure(sidecarConfig);
if (config !== undefined) {
  const socket = socketPath(config, process.env);
  const { exitWithParent } = config;
  await runService({
    name: 'sidecar',
    exitWithParent,
    start: (service) => startSidecar(config, service, { socket }),
  });
}
