/** Most bytes of a bundle, of one of its files, and most files: what is read and hashed before anything is judged. */
export const bundleBytesMax = 32 * 1_024 * 1_024;
export const fileBytesMax = 8 * 1_024 * 1_024;
export const filesMax = 2_000;

/** Most policies of a bundle: 10 000 take about seven seconds of a core to admit. */
export const policiesMax = 20_000;

/** Most bytes of one policy: nobody reviews a longer one. */
export const policyBytesMax = 16 * 1_024;

/**
 * Most nested brackets, and most operators (each link of a chain), of one policy. The parser's stack overflows at 128
 * nested sets or 512 links (measured with cedar-wasm 4.13.0); a policy at both limits uses about as much as half of that.
 */
export const bracketDepthMax = 16;
export const connectivesMax = 192;

/**
 * Most policies that share one scope (principal, action, resource): all of them are looked at for every request that the
 * scope matches, and parsed together, at about 0.1 ms each, when the first such request comes.
 */
export const policiesPerScopeMax = 1_000;

/** How long admission of a bundle may take, in milliseconds, and how much heap it may use, in MiB, before it is given up. */
export const admissionMsMax = 120_000;
export const admissionHeapMiBMax = 1_024;

/**
 * Stack of the admission thread, in MiB: about half of what the serving thread has, so that whatever was admitted is
 * parsed there with room to spare.
 */
export const admissionStackMiBMax = 0.5;

/** Preparsed slices kept by an engine, each about 5 kB a policy of WebAssembly memory. */
export const preparsedSlicesMax = 512;

/** Scope look-ups kept by an engine, and decisions kept, about 0.5 kB each. */
export const scopeLookupsMax = 16_384;
export const cachedDecisionsMax = 16_384;

/** Longest decision key that is cached, in characters: a caller's long justification must not fill the memory. */
export const cachedKeyCharsMax = 4_096;

/** Rules and conditions that an explanation evaluates, and rules it shows. Each condition is parsed for it, at about 0.1 ms. */
export const explainedRulesMax = 32;
export const explainedConditionsMax = 256;
export const shownRulesMax = 5;
