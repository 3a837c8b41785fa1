import { suggestName } from '@stint/common/name-suggestion.ts';
import { formatDurationMs, parseDurationMs } from '@stint/common/time.ts';
import { ttlSecondsLimit } from '../registry/registry-limits.ts';
import type { SourceFault } from '../registry/source-fault.ts';
import type { Token } from './cedar-tokens.ts';
import type { PolicySource } from './policy-source.ts';

/** What a policy's annotations say. Cedar itself gives them no meaning and never checks them. */
export type PolicyAnnotations = { readonly id: string } & (
  | { readonly effect: 'permit'; readonly ttlSecondsMax: number }
  | { readonly effect: 'forbid'; readonly denyReason: string }
);

const knownAnnotations = ['id', 'max_ttl', 'deny_reason'];
const idGrammar = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Longest reason of denial, in characters: it goes into an error's text. */
const denyReasonCharsMax = 200;

/**
 * Checks one policy's annotations: `@id` always; `@max_ttl` on a permit and nowhere else; `@deny_reason` on a forbid and
 * nowhere else; no others. Undefined when one is missing or wrong, and then the faults say so.
 */
export function lintAnnotations(
  policy: PolicySource,
  effect: 'permit' | 'forbid',
  faults: SourceFault[],
): PolicyAnnotations | undefined {
  const lint = new AnnotationLint(policy, effect, faults);
  lint.refuseUnknown();
  const id = lint.read(
    'id',
    (text) => (idGrammar.test(text) ? text : undefined),
    'must be 1 to 64 lower-case letters, digits and "-"',
  );
  if (effect === 'permit') {
    lint.refuse('deny_reason', 'stands on a permit', 'only a forbid gives a reason of denial');
    const ttlSecondsMax = lint.read(
      'max_ttl',
      parseTtlSeconds,
      `must be a duration of whole seconds from 1s to ${formatDurationMs(ttlSecondsLimit * 1_000)}, such as "15m"`,
    );
    return id === undefined || ttlSecondsMax === undefined ? undefined : { id, effect, ttlSecondsMax };
  }
  lint.refuse('max_ttl', 'stands on a forbid', 'only a permit limits the lifetime');
  const denyReason = lint.read(
    'deny_reason',
    parseDenyReason,
    `must be 1 to ${denyReasonCharsMax} printable characters`,
  );
  return id === undefined || denyReason === undefined ? undefined : { id, effect, denyReason };
}

class AnnotationLint {
  readonly #policy: PolicySource;
  readonly #effect: string;
  readonly #faults: SourceFault[];
  readonly #found: ReadonlyMap<string, { name: Token; value: Token | undefined }>;

  constructor(policy: PolicySource, effect: string, faults: SourceFault[]) {
    this.#policy = policy;
    this.#effect = effect;
    this.#faults = faults;
    this.#found = annotationTokens(policy.tokens);
  }

  read<Value>(name: string, parse: (text: string) => Value | undefined, rule: string): Value | undefined {
    const found = this.#found.get(name);
    if (found === undefined) {
      const [first] = this.#policy.tokens;
      this.#fault(first, `the ${this.#effect} has no @${name}`, `write @${name}("…") before it`);
      return undefined;
    }
    const text = found.value?.text.slice(1, -1);
    // An escape would make the text differ from what is written; none is needed here.
    const value = text === undefined || text.includes('\\') ? undefined : parse(text);
    if (value === undefined) this.#fault(found.value ?? found.name, `@${name} ${rule}`);
    return value;
  }

  refuse(name: string, what: string, help: string): void {
    const found = this.#found.get(name);
    if (found !== undefined) this.#fault(found.name, `@${name} ${what}`, help);
  }

  refuseUnknown(): void {
    for (const [name, { name: token }] of this.#found) {
      if (knownAnnotations.includes(name)) continue;
      const suggestion = suggestName(name, knownAnnotations);
      this.#fault(
        token,
        `unknown annotation @${name}: it would have no effect`,
        suggestion === '' ? `known: @${knownAnnotations.join(', @')}` : suggestion,
      );
    }
  }

  #fault(token: Token | undefined, what: string, help = ''): void {
    this.#faults.push(
      this.#policy.source.faultAt(
        token ?? { start: this.#policy.offset, end: this.#policy.offset + 1 },
        what,
        help,
      ),
    );
  }
}

// Annotations stand before the effect, each `@name("value")`; Cedar has refused a second one of the same name.
function annotationTokens(tokens: readonly Token[]): Map<string, { name: Token; value: Token | undefined }> {
  const found = new Map<string, { name: Token; value: Token | undefined }>();
  for (let i = 0; tokens[i]?.text === '@'; ) {
    const name = tokens[i + 1];
    const hasValue = tokens[i + 2]?.text === '(';
    if (name === undefined) break;
    found.set(name.text, { name, value: hasValue ? tokens[i + 3] : undefined });
    i += hasValue ? 5 : 2;
  }
  return found;
}

function parseTtlSeconds(text: string): number | undefined {
  const ms = parseDurationMs(text);
  return ms !== undefined && ms % 1_000 === 0 && ms >= 1_000 && ms <= ttlSecondsLimit * 1_000
    ? ms / 1_000
    : undefined;
}

function parseDenyReason(text: string): string | undefined {
  return text.trim() !== '' && text.length <= denyReasonCharsMax && !/[\p{Cc}\p{Cf}]/u.test(text)
    ? text
    : undefined;
}
