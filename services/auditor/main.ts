import { parseConfig } from '@stint/common/config.ts';
import { runService } from '@stint/common/lifecycle.ts';
import { auditorConfig } from './config.ts';
import { keygen, startAuditor } from './wire.ts';

const [command, ...rest] = process.argv.slice(2);
const isCommand = command === 'keygen' || command === 'verify';

if (command === 'verify') {
  const { verifyCommand } = await import('./fsck.ts');
  process.exitCode = verifyCommand(rest, (text) => process.stdout.write(text));
} else {
  const outcome = parseConfig(auditorConfig, {
    args: isCommand ? rest : process.argv.slice(2),
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
}
