import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { ProviderDeclaration } from './provider-kind.ts';

/** Largest providers file, in bytes. */
const fileBytesMax = 262_144;

/**
 * Reads the operator's providers file: `providers:` with a list of `name`, `kind` and `settings` (texts and numbers). What
 * the settings mean is checked by the kind.
 * @throws Error with the file, the place and every fault.
 */
export async function readProviderDeclarations(file: string): Promise<readonly ProviderDeclaration[]> {
  const bytes = await readFile(file);
  if (bytes.length > fileBytesMax) throw new Error(`${file}: ${bytes.length} bytes, at most ${fileBytesMax}`);
  const document = parseDocument(bytes.toString('utf8'), { uniqueKeys: true, prettyErrors: true });
  if (document.errors.length > 0)
    throw new Error(document.errors.map((fault) => `${file}: ${fault.message}`).join('\n'));
  const content: unknown = document.toJS({ maxAliasCount: 0 });
  const list = isMapping(content) ? content['providers'] : undefined;
  const unknown = isMapping(content) ? Object.keys(content).filter((key) => key !== 'providers') : [];
  if (!Array.isArray(list) || unknown.length > 0)
    throw new Error(`${file}: it must hold "providers:" with a list, and nothing else`);
  return list.map((entry, index) => readDeclaration(entry, `${file}: provider ${index + 1}`));
}

function readDeclaration(entry: unknown, place: string): ProviderDeclaration {
  if (!isMapping(entry)) throw new Error(`${place}: not a mapping of name, kind and settings`);
  const { name, kind, settings = {}, ...rest } = entry;
  const [stray] = Object.keys(rest);
  if (stray !== undefined)
    throw new Error(`${place}: "${stray}" is not known; known are name, kind and settings`);
  if (typeof name !== 'string' || typeof kind !== 'string')
    throw new Error(`${place}: name and kind must be texts`);
  if (!isMapping(settings)) throw new Error(`${place}: settings must be a mapping`);
  return {
    name,
    kind,
    settings: Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key, readSetting(value, `${place}: settings.${key}`)]),
    ),
  };
}

function readSetting(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${place}: must be a text, a number or true/false`);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
