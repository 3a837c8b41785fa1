import { suggestName } from '@stint/common/name-suggestion.ts';
import { nameGrammar } from './registry-limits.ts';
import type { PlacedText, YamlNode, YamlNodeReader } from './yaml-node-reader.ts';

/** Records a fault when the name is not among those the registry declares in that section. */
export function checkDeclared(
  reader: YamlNodeReader,
  name: PlacedText,
  declared: { names: readonly string[]; section: string; noun: string },
): void {
  if (declared.names.includes(name.value)) return;
  const suggestion = suggestName(name.value, declared.names);
  const add = `add it to "${declared.section}"`;
  reader.fault(
    name.node,
    `unknown ${declared.noun} "${name.value}": it is not in "${declared.section}"`,
    suggestion === '' ? add : `${suggestion} or ${add}`,
  );
}

/** Reads a name that must be one the registry declares; empty when it is missing or wrong, and then a fault says so. */
export function readEnvironment(
  reader: YamlNodeReader,
  node: YamlNode,
  environments: readonly string[],
): string {
  const name = reader.text(node, '"environment"', nameGrammar);
  if (name === undefined) return '';
  checkDeclared(reader, name, { names: environments, section: 'environments', noun: 'environment' });
  return name.value;
}
