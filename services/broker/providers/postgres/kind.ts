import { readFile } from 'node:fs/promises';
import { readPasswordFile } from '@stint/common/private-file.ts';
import type { ProviderDeclaration, ProviderKind } from '../provider-kind.ts';
import { settingReader } from '../setting-reader.ts';
import { postgresConfig, postgresConfigFaults } from './config.ts';
import { brokerNameFault } from './names.ts';
import { PostgresProvider } from './provider.ts';

/** Instances that make roles at a PostgreSQL server, each with the broker's password for it in a file. */
export const postgresKind: ProviderKind = {
  faults: (settings, { brokerName }) =>
    [brokerNameFault(brokerName), ...postgresConfigFaults(settings)].filter((fault) => fault !== undefined),
  readFiles,
  async open(declaration, { brokerName, clock }) {
    const { name, settings } = declaration;
    const files = await readFiles(declaration);
    return new PostgresProvider({ name, brokerName, clock, config: postgresConfig({ settings, ...files }) });
  },
};

async function readFiles(declaration: ProviderDeclaration) {
  const read = settingReader(declaration);
  const password = await read('passwordFile', readPasswordFile);
  const hasCa = declaration.settings['caFile'] !== undefined;
  const ca = hasCa ? await read('caFile', (file) => readFile(file, 'utf8')) : undefined;
  return { password, ca };
}
