import { configure, runService } from '@stint/common/lifecycle.ts';
import { type AuditorConfig, auditorConfig } from './config.ts';
import { keygen, startAuditor } from './wire.ts';

const [command, ...rest] = process.argv.slice(2);

switch (command) {
  case 'verify': {
    const { verifyCommand } = await import('./verify-command.ts');
    process.exitCode = verifyCommand(
      rest,
      (text) => process.stdout.write(text),
      (text) => process.stderr.write(text),
    );
    break;
  }
  case 'keygen': {
    const config = await configure(auditorConfig, { args: rest });
    if (config !== undefined) process.stdout.write(`${await keygen(config)}\n`);
    break;
  }
  default: {
    const config = await configure(auditorConfig);
    if (config !== undefined) await serve(config);
  }
}

async function serve(config: AuditorConfig): Promise<void> {
  const { exitWithParent } = config;
  await runService({ name: 'auditor', exitWithParent, start: (service) => startAuditor(config, service) });
}
