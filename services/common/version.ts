import { readFileSync } from 'node:fs';

const { version: packageVersion } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
) as { version: string };

/** The programs' version, which their packages share: told in status, and by `stint --version`. */
export const version = packageVersion;
