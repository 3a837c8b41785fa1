import { PrivateFileError } from '@stint/common/private-file.ts';
import type { ProviderDeclaration } from './provider-kind.ts';

/** Reads files that an instance's settings name. @throws Error with the provider, the setting, the file and what to do. */
export function settingReader({ name, settings }: ProviderDeclaration) {
  return async <Content>(key: string, read: (file: string) => Promise<Content>): Promise<Content> => {
    const file = settings[key] ?? '';
    try {
      return await read(file);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const isMissing = code === 'ENOENT' || (cause instanceof PrivateFileError && cause.kind === 'missing');
      const why = cause instanceof PrivateFileError ? cause.message : `"${file}" cannot be read (${code})`;
      const what = isMissing ? `"${file}" does not exist: make it, or name another` : why;
      throw new Error(`provider "${name}": setting "${key}": ${what}`, { cause });
    }
  };
}
