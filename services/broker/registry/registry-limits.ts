import type { TextGrammar } from './yaml-node-reader.ts';

/** Most identities, and most resources, of one registry: what one broker holds in memory and lists in one answer. */
export const identitiesMax = 20_000;
export const resourcesMax = 10_000;

/** Most roles of one identity. Each is an ancestor in the policy engine, whose cost and stack grow with them. */
export const rolesPerIdentityMax = 16;

/** Most names of one kind in the vocabulary (roles, environments, attributes of one group). */
export const vocabularyNamesMax = 1_000;

/** Most attributes of one group: each is looked at in every decision that is not cached. */
export const attributesPerGroupMax = 64;

/** Most profiles and labels of one resource, and most entries of its target and settings. */
export const profilesPerResourceMax = 32;
export const labelsPerResourceMax = 32;
export const settingsMax = 32;

/** Longest lifetime that a profile or a rule may allow: access for longer is standing access. */
export const ttlSecondsLimit = 86_400;

/** Live leases of one profile that one identity may hold: the default, and the most that may be set. */
export const maxLivePerIdentityDefault = 16;
export const maxLivePerIdentityLimit = 1_000;

/** Names of things: ids, roles, environments, actions. */
export const nameGrammar: TextGrammar = {
  pattern: /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
  expected: 'a name of 1 to 64 lower-case letters, digits, ".", "-" and "_"',
};

/** Names of attributes, as the contract allows for declared context. */
export const attributeGrammar: TextGrammar = {
  pattern: /^[a-z][a-z0-9_.]{0,63}$/,
  expected:
    'an attribute name: a lower-case letter, then at most 63 of lower-case letters, digits, "_" and "."',
};

export const ownerGrammar: TextGrammar = {
  pattern: /^(?:team|person):[A-Za-z0-9][A-Za-z0-9._@+-]{0,126}$/,
  expected: 'an owner such as "team:data" or "person:ada@example.com"',
};

export const versionGrammar: TextGrammar = {
  pattern: /^\d{1,9}\.\d{1,9}\.\d{1,9}$/,
  expected: 'a version of three numbers such as "2.3.0"',
};

export const settingKeyGrammar: TextGrammar = {
  pattern: /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/,
  expected: 'a setting name of 1 to 64 letters, digits, ".", "-" and "_"',
};

/** One line of printable text. */
export const lineGrammar: TextGrammar = {
  pattern: /^[^\p{Cc}\p{Cf}]+$/u,
  expected: 'one line of printable text',
};
