import { suggestName } from '@stint/common/name-suggestion.ts';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import { type SourceFault, type SourceText, wholeFileFault } from './source-fault.ts';

/** A part of a YAML document, or undefined where there is none. */
export type YamlNode = Document['contents'] | undefined;

/** Text read from a file, and where it stands. */
export type PlacedText = { readonly value: string; readonly node: YamlNode };

/** What a value must look like: a pattern and the words that explain it. */
export type TextGrammar = { readonly pattern: RegExp; readonly expected: string };

/** Longest text value, in characters. */
const valueCharsMax = 512;

/**
 * Reads typed values out of one YAML file and gathers every fault, so that one try shows all of them. Everything is
 * text until this reader says otherwise (the failsafe schema): `version: 2.10` and `owner: no` mean what they look
 * like. Anchors, aliases, tags and several documents in one file are refused.
 */
export class YamlNodeReader {
  readonly source: SourceText;
  readonly faults: SourceFault[];

  constructor(source: SourceText, faults: SourceFault[]) {
    this.source = source;
    this.faults = faults;
  }

  /** The file's top mapping; undefined when it is empty or not YAML, and for the latter the faults say why. */
  parse(): YAMLMap | undefined {
    const [first, second] = this.#documents();
    if (second !== undefined)
      this.#wholeFault('the file holds several YAML documents', 'keep one, without "---"');
    for (const { message, pos } of [...(first?.errors ?? []), ...(first?.warnings ?? [])]) {
      // The parser's message goes on with its own place and excerpt.
      const [what = ''] = message.split(/ at line \d+|\n/);
      const range = { start: pos[0], end: pos[1] };
      this.faults.push(this.source.faultAt(range, `not valid YAML: ${lowerFirst(what)}`));
    }
    if (first === undefined || first.errors.length > 0 || first.contents === null) return undefined;
    if (isMap(first.contents)) return first.contents;
    this.fault(first.contents, 'the file must be a mapping', 'start it with "identities:" or "resources:"');
    return undefined;
  }

  #documents(): Document[] {
    try {
      const options = { schema: 'failsafe', uniqueKeys: true, merge: false, logLevel: 'silent' } as const;
      return [...parseAllDocuments(this.source.text, options)];
    } catch (thrown) {
      // The parser recurses with the nesting; anything else it throws is a fault of ours.
      if (!(thrown instanceof RangeError)) throw thrown;
      this.#wholeFault('the file is nested too deeply');
      return [];
    }
  }

  #wholeFault(what: string, help = ''): void {
    this.faults.push(wholeFileFault(this.source.file, what, help));
  }

  /** Records a fault at a node. */
  fault(node: YamlNode, what: string, help = ''): void {
    const range = node?.range;
    const start = range?.[0] ?? 0;
    this.faults.push(this.source.faultAt({ start, end: range?.[1] ?? start + 1 }, what, help));
  }

  /**
   * The values of a mapping by key. Unknown keys and missing required keys are faults; so is anything but a mapping,
   * which reads as empty.
   */
  mapping<Key extends string>(
    node: YamlNode,
    what: string,
    keys: Readonly<Record<Key, 'required' | 'optional'>>,
  ): Partial<Record<Key, YamlNode>> {
    const found: Partial<Record<Key, YamlNode>> = {};
    if (!this.#isMap(node, what)) return found;
    for (const pair of node.items) {
      const key = scalarText(pair.key);
      if (key !== undefined && Object.hasOwn(keys, key)) found[key as Key] = pair.value as YamlNode;
      else this.#unknownKey(pair, what, Object.keys(keys));
    }
    for (const key of Object.keys(keys) as Key[]) {
      if (keys[key] === 'required' && !(key in found))
        this.fault(node.items[0]?.key as YamlNode, `${what} has no "${key}"`, `add "${key}:"`);
    }
    return found;
  }

  /** The items of a list of at most `max`; nothing when the node is absent. */
  list(node: YamlNode, what: string, max: number): YamlNode[] {
    if (node === undefined) return [];
    if (!isSeq(node)) {
      this.fault(
        node,
        `${what} must be a list${isAlias(node) ? ', not an alias' : ''}`,
        'write "[a, b]" or one "- item" a line',
      );
      return [];
    }
    if (node.items.length > max)
      this.fault(node, `${what} has ${node.items.length} items: at most ${max} are allowed`);
    return node.items.slice(0, max) as YamlNode[];
  }

  /** A list of distinct texts, sorted. */
  texts(node: YamlNode, what: string, rules: { max: number; grammar: TextGrammar }): PlacedText[] {
    const seen = new Map<string, PlacedText>();
    for (const item of this.list(node, what, rules.max)) {
      const text = this.text(item, `an item of ${what}`, rules.grammar);
      if (text === undefined) continue;
      if (seen.has(text.value)) this.fault(item, `"${text.value}" stands twice in ${what}`, 'remove one');
      else seen.set(text.value, text);
    }
    return [...seen.values()].toSorted((a, b) => (a.value < b.value ? -1 : 1));
  }

  /** A mapping from names to texts, at most `max`. */
  textMap(
    node: YamlNode,
    what: string,
    rules: { max: number; key: TextGrammar; value: TextGrammar },
  ): Record<string, string> {
    const entries: [string, string][] = [];
    if (node === undefined || !this.#isMap(node, what)) return {};
    if (node.items.length > rules.max)
      this.fault(node, `${what} has ${node.items.length} entries: at most ${rules.max} are allowed`);
    for (const pair of node.items.slice(0, rules.max)) {
      const key = this.text(pair.key as YamlNode, `a key of ${what}`, rules.key);
      const value = this.text(pair.value as YamlNode, `${what}: "${key?.value ?? ''}"`, rules.value);
      if (key !== undefined && value !== undefined) entries.push([key.value, value.value]);
    }
    return Object.fromEntries(entries);
  }

  /** A text of that grammar; undefined when absent or wrong, and then a fault says so. */
  text(node: YamlNode, what: string, grammar: TextGrammar): PlacedText | undefined {
    if (node === undefined) return undefined;
    const value = scalarText(node);
    if (value === undefined) {
      this.fault(node, `${what} must be one text${isAlias(node) ? ', not an alias' : ''}`);
    } else if (value.length > valueCharsMax) {
      this.fault(node, `${what} is ${value.length} characters long: at most ${valueCharsMax} are allowed`);
    } else if (!grammar.pattern.test(value)) {
      this.fault(
        node,
        value === '' ? `${what} is empty` : `${what} "${printable(value)}" is not ${grammar.expected}`,
        value === '' ? `write ${grammar.expected}` : '',
      );
    } else {
      return { value, node };
    }
    return undefined;
  }

  #isMap(node: YamlNode, what: string): node is YAMLMap {
    if (isMap(node)) return true;
    this.fault(
      node,
      `${what} must be a mapping${isAlias(node) ? ', not an alias' : ''}`,
      'write "key: value" lines',
    );
    return false;
  }

  #unknownKey(pair: Pair, what: string, known: string[]): void {
    const key = scalarText(pair.key) ?? '';
    const suggestion = suggestName(key, known);
    this.fault(
      pair.key as YamlNode,
      `${what} has the unknown key "${printable(key)}"`,
      suggestion === '' ? `known keys: ${known.join(', ')}` : suggestion,
    );
  }
}

function scalarText(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === 'string' ? node.value : undefined;
}

function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
  return clean.length <= 80 ? clean : `${clean.slice(0, 79)}…`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
