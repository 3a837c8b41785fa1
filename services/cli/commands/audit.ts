import type { Command } from 'commander';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { addAuditGap } from './audit-gap.ts';
import { addAuditList } from './audit-list.ts';
import { addAuditQuarantine } from './audit-quarantine.ts';
import { addAuditTail } from './audit-tail.ts';
import { addAuditVerify } from './audit-verify.ts';

/** Adds `stint audit list|tail|verify|gap|quarantine`. */
export function addAuditCommands(program: Command, run: Runner): void {
  const audit = describeCommand(program.command('audit'), {
    purpose: 'Read the log of everything that happened, and check it',
    examples: ['stint audit list', 'stint audit tail', 'stint audit verify'],
  });
  addAuditList(audit, run);
  addAuditTail(audit, run);
  addAuditVerify(audit, run);
  addAuditGap(audit, run);
  addAuditQuarantine(audit, run);
}
