/** The settings an instance understands, with what each means. */
export const jwtSettings: Readonly<Record<string, string>> = {
  issuer: 'the "iss" claim: an https URL without query or fragment',
};

/** What is wrong with an instance's settings; empty when nothing is. */
export function jwtConfigFaults(settings: Readonly<Record<string, string>>): readonly string[] {
  const unknown = Object.keys(settings).filter((key) => !(key in jwtSettings));
  const faults = unknown.map((key) => `setting "${key.slice(0, 64)}" is not known; known is issuer`);
  return isIssuer(settings['issuer'] ?? '')
    ? faults
    : [...faults, 'setting "issuer" must be an https URL without query or fragment'];
}

// Source: RFC 8414 §2.
function isIssuer(text: string): boolean {
  return text.length <= 512 && /^https:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text);
}
