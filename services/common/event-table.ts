/** A JSON value whose numbers are whole and exact. */
export type EventValue =
  | string
  | number
  | boolean
  | readonly EventValue[]
  | { readonly [key: string]: EventValue | undefined };

/** How a member of an event's data is written, and what it then is in TypeScript. */
type Forms = {
  text: string;
  /** Whole and exact. */
  number: number;
  boolean: boolean;
  /** RFC 3339, milliseconds, UTC. */
  time: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  texts: readonly string[];
  /** Members named by whoever wrote them: a workload, a provider. */
  object: { readonly [name: string]: EventValue | undefined };
};

export type EventForm = keyof Forms;

/** One member of an event's data: its form, with `?` where it may be missing, and what it says. */
export type EventMember = readonly [form: EventForm | `${EventForm}?`, says: string];

type EventEntry = {
  /** When it is recorded. */
  readonly when: string;
  readonly data: { readonly [name: string]: EventMember };
};

const ofTarget = {
  entity_name: ['text', 'what stands at the target: a database role; for a token its `jti`'],
  provider: ['text', 'as the providers file names it'],
  resource: ['text', 'as the registry names it'],
} as const;

const ofLease = {
  ...ofTarget,
  note: ['text?', 'why, in the words of the operator who revoked it'],
} as const;

const decided = {
  resource: ['text', 'what was asked for, as the registry names it'],
  action: ['text', 'the profile asked for'],
  justification: ['text', 'why, in the words of the workload'],
  context: ['object', 'what the workload says of itself; nobody has verified it'],
  parameters: ['object', 'of the profile, as asked for'],
  rule_ids: ['texts', 'the rules that allowed it'],
  clamped_by: ['texts', 'what made its time shorter than asked for: policy, svid'],
  policy_sha256: ['sha256', 'the bundle that decided'],
  expires_at: ['time', 'the end of the grant: no lease under it lives longer'],
  lease_expires_at: ['time', 'the end of the lease, unless it is renewed'],
  entity_name: ofTarget.entity_name,
  provider: ofTarget.provider,
} as const;

const atTarget = { ...ofTarget, proof: ['object', 'what the target itself said of it'] } as const;

const ofOperator = {
  reason: ['text', 'why, in his words'],
  operator: ['text', 'the name he gave; nobody has verified it'],
} as const;

/**
 * What can be recorded, by kind, and what the data of each say. The first word is also the NATS subject's:
 * `auditlog.<kind>.<what>`. The table only grows; a type or a member never changes its meaning or form.
 */
export const eventTable = {
  'epoch.started': {
    when: 'a broker process (or the auditor, for records of its own) began',
    data: {
      epoch: ['number', 'which life of that name it is, from 1'],
      public_key: ['text', 'Ed25519, 32 raw bytes, base64: the key that seals its batches'],
      svid_chain: ['texts', 'its SVID, leaf first, without the root; each DER in base64'],
      proof: ['text', "signature by the SVID's key over the key above, base64"],
    },
  },
  'policy.loaded': {
    when: 'a bundle of policies and registry came into force',
    data: {
      policy_sha256: ['sha256', 'of the bundle'],
      policies: ['number', 'how many'],
      identities: ['number', 'how many'],
      resources: ['number', 'how many'],
    },
  },
  'policy.refused': {
    when: 'a bundle was refused; the running one stayed',
    data: {
      fault: ['text', 'what is wrong, with file and line'],
      running_sha256: ['sha256', 'the bundle that stays in force'],
    },
  },
  'identity.attested': {
    when: 'a workload proved what it is and got its first SVID',
    data: {
      spiffe_id: ['text', 'whose identity it is'],
      serial_number: ['text', 'of the certificate, hexadecimal'],
      svid_expires_at: ['time', 'its end'],
      method: ['text', 'how: `join_token`'],
      evidence_sha256: ['sha256', 'of what it showed'],
      replayed: ['boolean', 'whether it showed the same before, with the same key'],
      attributes: ['object', 'what the attestor verified'],
    },
  },
  'identity.join_token_created': {
    when: 'an operator made a join token',
    data: {
      spiffe_id: ['text', 'for whom'],
      evidence_sha256: ['sha256', 'of the token: the same as in the `identity.attested` that spends it'],
      expires_at: ['time', 'the end of the token'],
    },
  },
  'svid.issued': {
    when: 'an SVID was issued outside attestation',
    data: {
      cause: ['text', '`rotated` or `minted`'],
      spiffe_id: ['text', 'whose identity it is'],
      svid_sha256: ['sha256', 'of the certificate, DER'],
      serial_number: ['text?', 'of the certificate, hexadecimal'],
      svid_expires_at: ['time?', 'its end'],
      previous_svid_sha256: ['sha256?', "of the certificate that it follows: a broker's own rotation"],
    },
  },
  'access.denied': {
    when: 'policy, a limit or the registry refused, or an attestor refused a proof that had been issued once: of one that nobody ever made there is a line in the log file only',
    data: {
      reason: ['text', 'the reason code of the error'],
      resource: ['text?', 'as asked for: it may not exist'],
      action: ['text?', 'as asked for: it may not exist'],
      justification: ['text?', 'why, in the words of the workload'],
      rule_ids: ['texts?', 'the rules that forbid it; empty when none allows it'],
      reasons: ['texts?', 'what these rules say of themselves'],
      policy_sha256: ['sha256?', 'the bundle that decided'],
      unrecorded: [
        'number?',
        'how many refusals of this identity before it were over its rate and have no record',
      ],
      method: ['text?', 'of an attestation that failed'],
      fault: ['text?', 'why an attestation failed'],
      spiffe_id: ['text?', 'whose join token it was'],
      evidence_sha256: ['sha256?', 'of what an attestation showed'],
    },
  },
  'grant.issued': { when: 'allowed, and the credential exists: providers that only sign', data: decided },
  'grant.decided': {
    when: 'allowed; the lease is an intent, and nothing exists at the target yet',
    data: decided,
  },
  'lease.activated': {
    when: 'the credential exists at the target; recorded before anybody has it',
    data: {
      entity_name: ofTarget.entity_name,
      provider: ofTarget.provider,
      lease_expires_at: ['time', 'its end, unless it is renewed'],
      handle: ['object', 'how it is found at the target: for PostgreSQL the `oid` of the role'],
    },
  },
  'lease.aborted': {
    when: 'nothing was created at the target',
    data: { ...ofLease, code: ['text', 'what the target, or the broker, says'] },
  },
  'lease.unknown': {
    when: 'nobody knows whether it was created; it will be looked for and removed',
    data: { ...ofLease, code: ['text', 'what the target, or the broker, says'] },
  },
  'lease.renewed': {
    when: 'its end moved',
    data: { ...ofTarget, expires_at: ['time', 'its new end'] },
  },
  'lease.revoking': {
    when: 'its end began',
    data: { ...ofLease, reason: ['text', 'why it ends: see `grant.ended`'] },
  },
  'lease.contained': {
    when: "nobody can use it any more, by the target's own word",
    data: {
      ...ofLease,
      proof: ['object', 'what the target itself said of it'],
      lag_ms: ['number?', 'milliseconds since its end began'],
    },
  },
  'lease.revoked': {
    when: 'nothing of it is left at the target',
    data: {
      ...ofLease,
      proof: ['object?', 'what the target itself said of it'],
      reason: ['text?', 'of a token: why it ended'],
      revocation: ['text?', '`by_verifiers`: a token is not contained at a target, verifiers refuse it'],
    },
  },
  'lease.stuck': {
    when: 'revocation fails in a way that waiting alone will not mend: alert on this',
    data: { ...ofLease, code: ['text', 'what the target says'] },
  },
  'grant.ended': {
    when: 'the grant is over',
    data: {
      ...ofLease,
      reason: [
        'text',
        '`completed`, `abandoned` (the workload went away), `expired`, `revoked`, `suspended` (the identity), `undelivered` (nobody took it), `creation_failed`, `outcome_unknown`',
      ],
      state: ['text', '`completed`, `expired`, `revoked` or `failed`'],
    },
  },
  'target.orphan_contained': {
    when: 'something of ours stood at a target without a lease; nobody can use it any more',
    data: atTarget,
  },
  'target.orphan_removed': { when: 'nothing of it is left at the target', data: atTarget },
  'log.gap_skipped': {
    when: "the auditor's own: an operator declared that events of a broker will not come",
    data: {
      broker: ['text', 'whose events'],
      missing_from: ['number', 'the first sequence that is missing'],
      resume_at: ['number', 'the first that is there again'],
      after_batch_sha256: ['sha256', 'the last batch before the gap'],
      resume_prev_sha256: ['sha256', 'what the first batch behind it says comes before it'],
      refused_sha256: ['texts', 'messages of the gap that were refused'],
      ...ofOperator,
    },
  },
  'log.refusal_dismissed': {
    when: "the auditor's own: an operator has dealt with a message that was refused",
    data: {
      quarantine_id: ['number', 'its number in quarantine'],
      payload_sha256: ['sha256', 'of the message'],
      refused_as: ['text', 'why it was refused'],
      broker: ['text?', 'whose it says it is'],
      first_seq: ['number?', 'the first sequence it says it holds'],
      ...ofOperator,
    },
  },
} as const satisfies Record<string, EventEntry>;

/** A kind of record. */
export type EventType = keyof typeof eventTable;

/** Every kind of record, in the order of the table. */
export const eventTypes = Object.keys(eventTable) as readonly EventType[];

type Members<Type extends EventType> = (typeof eventTable)[Type]['data'];
type OptionalName<Data> = {
  [Name in keyof Data]: Data[Name] extends readonly [`${string}?`, string] ? Name : never;
}[keyof Data];
type ValueOf<Member> = Member extends readonly [infer Form extends EventForm, string]
  ? Forms[Form]
  : Member extends readonly [`${infer Form extends EventForm}?`, string]
    ? Forms[Form] | undefined
    : never;
type DataOf<Data> = {
  readonly [Name in Exclude<keyof Data, OptionalName<Data>>]: ValueOf<Data[Name]>;
} & { readonly [Name in OptionalName<Data>]?: ValueOf<Data[Name]> };

/** What the data of an event of this type hold. */
export type EventData<Type extends EventType = EventType> = DataOf<Members<Type>>;
