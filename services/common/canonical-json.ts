/** Deepest nesting of arrays and objects: attacker-made depth must not reach the stack's end. */
export const canonicalDepthMax = 32;

/**
 * Writes a value in its one byte form: RFC 8785 restricted to strings, whole numbers within ±(2^53−1), booleans,
 * arrays and plain objects with ASCII keys. Undefined members are left out; null, floats and other types are refused.
 * Under this restriction the usual ways in which canonical JSON goes wrong (float spelling, key order beyond ASCII)
 * cannot occur. Halves of surrogate pairs have no UTF-8 form and become U+FFFD.
 * @throws TypeError naming the value that has no canonical form.
 */
export function canonicalJson(value: unknown): string {
  return write(value, canonicalDepthMax);
}

/** Texts that stand in JSON as they are: most of ours, and several times faster to test than to escape. */
const plainText = /^[ !#-[\]-~]*$/;

/** Members' names as they are written, `"name":`. Ours are few; others' are kept only while there is room. */
const writtenKeys = new Map<string, string>();
const writtenKeysMax = 1_024;

function write(value: unknown, depthLeft: number): string {
  switch (typeof value) {
    case 'string':
      return plainText.test(value) ? `"${value}"` : JSON.stringify(value.toWellFormed());
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new TypeError(`canonical JSON: ${value} is not a whole number within 2^53`);
      return String(value); // minus zero comes out as 0
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) break;
      if (depthLeft === 0) throw new TypeError(`canonical JSON: nested deeper than ${canonicalDepthMax}`);
      return Array.isArray(value) ? writeArray(value, depthLeft - 1) : writeObject(value, depthLeft - 1);
    default:
  }
  throw new TypeError(`canonical JSON: a ${value === null ? 'null' : typeof value} has no form`);
}

function writeArray(value: readonly unknown[], depthLeft: number): string {
  // Array.from sees a hole as undefined, which is refused; map would pass over it.
  return `[${Array.from(value, (element) => write(element, depthLeft)).join(',')}]`;
}

function writeObject(value: object, depthLeft: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError('canonical JSON: an instance of a class has no form');
  let text = '';
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += (text === '' ? '' : ',') + (writtenKeys.get(key) ?? writeKey(key)) + write(member, depthLeft);
  }
  return `{${text}}`;
}

/** Objects of so many members are sorted here: few are, or come in order, and Array's own sort costs more than writing them. */
const sortedHereMax = 16;

function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  if (keys.length > sortedHereMax) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (let before = keys[at - 1] as string; at > 0 && before > key; before = keys[at - 1] as string) {
      keys[at] = before;
      at -= 1;
    }
    keys[at] = key;
  }
  return keys;
}

function writeKey(key: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  if (!/^[\x00-\x7f]*$/.test(key)) throw new TypeError(`canonical JSON: key "${key}" is not ASCII`);
  const written = `${JSON.stringify(key)}:`;
  if (writtenKeys.size < writtenKeysMax && key.length <= 64) writtenKeys.set(key, written);
  return written;
}

/**
 * Reads bytes that must be in canonical form. Anything else (duplicate keys, spaces, floats, null, other key order,
 * deep nesting, invalid UTF-8) is refused, so that no two readers can see different things in the same bytes.
 * @throws TypeError when the bytes are not canonical JSON.
 */
export function parseCanonicalJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TypeError('canonical JSON: not JSON', { cause });
  }
  if (canonicalJson(value) !== text || !Buffer.from(text, 'utf8').equals(bytes))
    throw new TypeError('canonical JSON: not in canonical form');
  return value;
}
