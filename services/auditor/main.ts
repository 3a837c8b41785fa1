import { parseConfig } from '@stint/common/config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { auditorConfig } from './config.ts';
import { keygen, startAuditor } from './wire.ts';

const [command, ...rest] = process.argv.slice(2);
const outcome = parseConfig(auditorConfig, {
  args: command === 'keygen' ? rest : process.argv.slice(2),
  environment: process.env,
  directory: process.cwd(),
});
if (outcome.kind === 'print') {
  (outcome.exitCode === 0 ? process.stdout : process.stderr).write(outcome.text);
  process.exitCode = outcome.exitCode;
} else if (command === 'keygen') {
  process.stdout.write(`${await keygen(outcome.config)}\n`);
} else {
  const { config } = outcome;
  await runService({
    name: 'auditor',
    exitWithParent: config.exitWithParent,
    start: (service) => startAuditor(config, service),
  });
}
