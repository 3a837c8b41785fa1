import type { SchemaJson, TypeOfAttribute } from '@cedar-policy/cedar-wasm/nodejs';
import type { Vocabulary } from '../registry/vocabulary.ts';

/** Names of the entity types, as policies write them. */
export const entityTypes = {
  identity: 'Stint::Identity',
  resource: 'Stint::Resource',
  role: 'Stint::Role',
  environment: 'Stint::Environment',
  action: 'Stint::Action',
} as const;

type Attribute = TypeOfAttribute<string>;

const text: Attribute = { type: 'String' };
const optionalText: Attribute = { type: 'String', required: false };
const environment: Attribute = { type: 'Entity', name: 'Environment' };
const long: Attribute = { type: 'Long' };

/**
 * The schema that policies are validated against and requests checked with: entity types are fixed, actions and context
 * attributes come from the registry. What it lets policies read is described in README.md.
 */
export function buildCedarSchema(vocabulary: Vocabulary): SchemaJson<string> {
  const context = record({
    verified: record(optionalTexts(vocabulary.verified)),
    declared: record({ justification: text, ...optionalTexts(vocabulary.declared) }),
    parameters: record(optionalTexts(vocabulary.parameters)),
    now: { type: 'Extension', name: 'datetime' },
  });
  const appliesTo = { principalTypes: ['Identity'], resourceTypes: ['Resource'], context };
  return {
    Stint: {
      entityTypes: {
        Role: {},
        Environment: {},
        Identity: {
          memberOfTypes: ['Role', 'Environment'],
          shape: record({
            kind: text,
            owner: optionalText,
            backupOwner: optionalText,
            environment,
            version: { ...record({ major: long, minor: long, patch: long }), required: false },
          }),
        },
        Resource: {
          memberOfTypes: ['Environment'],
          shape: record({
            kind: text,
            owner: text,
            environment,
            labels: { type: 'Set', element: { type: 'String' } },
          }),
        },
      },
      actions: Object.fromEntries(vocabulary.actions.map((action) => [action, { appliesTo }])),
    },
  };
}

function record(attributes: Record<string, Attribute>): Attribute & { type: 'Record' } {
  return { type: 'Record', attributes } as Attribute & { type: 'Record' };
}

function optionalTexts(names: readonly string[]): Record<string, Attribute> {
  return Object.fromEntries(names.map((name) => [name, optionalText]));
}
