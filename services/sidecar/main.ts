import { parseConfig } from '@stint/common/config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { sidecarConfig, socketPath } from './config.ts';
import { startSidecar } from './wire.ts';

const outcome = parseConfig(sidecarConfig, {
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
    name: 'sidecar',
    exitWithParent: config.exitWithParent,
    start: (service) => startSidecar(config, service, { socket: socketPath(config, process.env) }),
  });
}
