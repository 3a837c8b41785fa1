/**
 * Writes a value in its one byte form: RFC 8785 restricted to strings, whole numbers within ±(2^53−1), booleans,
 * arrays and objects with ASCII keys. Undefined members are left out; null, floats and other types are refused.
 * Under this restriction the usual ways in which canonical JSON goes wrong (float spelling, key order beyond ASCII)
 * cannot occur.
 * @throws TypeError naming the value that has no canonical form.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.isWellFormed() ? value : value.toWellFormed());
    case 'number':
      if (!Number.isSafeInteger(value)) throw new TypeError(`canonical JSON: ${value} is not a whole number within 2^53`);
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) break;
      return Array.isArray(value) ? `[${value.map(canonicalJson).join(',')}]` : canonicalObject(value as Record<string, unknown>);
    default:
  }
  throw new TypeError(`canonical JSON: a ${value === null ? 'null' : typeof value} has no form`);
}

function canonicalObject(value: Record<string, unknown>): string {
  let text = '';
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
    if (!/^[\x00-\x7f]*$/.test(key)) throw new TypeError(`canonical JSON: key "${key}" is not ASCII`);
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/**
 * Reads bytes that must be in canonical form. Anything else (duplicate keys, spaces, floats, null, other key order,
 * invalid UTF-8) is refused, so that no two readers can see different things in the same bytes.
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
  if (canonicalJson(value) !== text || !Buffer.from(text, 'utf8').equals(bytes)) throw new TypeError('canonical JSON: not in canonical form');
  return value;
}
