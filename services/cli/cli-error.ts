import { type ErrorReason, errorReasons, isServiceError, type ServiceError } from '@stint/common/errors.ts';
import { InputFileError } from '@stint/common/input-file.ts';
import { PrivateFileError } from '@stint/common/private-file.ts';
import { formatDurationMs } from '@stint/common/time.ts';
import { type ExitName, exitCodeOf, exitCodes } from './exit-codes.ts';

/** What can go wrong in the command line itself, with the exit code of each. The set only grows. */
const cliReasons = {
  USAGE: 'usage',
  NOT_RUNNING: 'error',
  /** A result did not get whole to where stdout goes. */
  OUTPUT_UNWRITTEN: 'error',
  /** Another mesh holds the state directory. */
  MESH_RUNNING: 'error',
  MESH_FILE_UNTRUSTED: 'error',
  FILE_UNUSABLE: 'error',
  VERIFIER_KEY_UNUSABLE: 'usage',
  PROOF_INVALID: 'error',
  ANSWER_INCOMPLETE: 'error',
  BUS_UNUSABLE: 'error',
  CREDENTIAL_UNSUPPORTED: 'error',
  COMMAND_NOT_RUN: 'notExecutable',
  /** Access was ended, and the target has not done it yet. */
  NOT_CONTAINED: 'error',
} as const satisfies Record<string, ExitName>;

export type CliReason = keyof typeof cliReasons;

/** A failure as it is shown: what happened, its stable code, why, and what to do about it. */
export type Failure = {
  readonly what: string;
  readonly reason: ErrorReason | CliReason;
  readonly why: string;
  readonly fix: string;
  readonly exitCode: number;
  /** Public facts that the service gave: fields, limits, ids. */
  readonly metadata: Readonly<Record<string, string>>;
};

/** A failure that the command line found, or one of a service with a better fix than the general one. */
export class CliError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.what, cause === undefined ? undefined : { cause });
    this.name = 'CliError';
    this.failure = failure;
  }
}

/** A failure of the command line's own. */
export function cliError(
  reason: CliReason,
  text: { readonly what: string; readonly why: string; readonly fix: string },
  cause?: unknown,
): CliError {
  return new CliError({ ...text, reason, exitCode: exitCodes[cliReasons[reason]].code, metadata: {} }, cause);
}

/** The failure of a service's answer that lacks what the contract promises. */
export function incompleteAnswer(what: string): CliError {
  return cliError('ANSWER_INCOMPLETE', {
    what,
    why: 'it speaks another version of the contract',
    fix: 'stint status shows the versions',
  });
}

const mendFix = 'mend what is named above';

/** What to do about a fault of the command's own. */
const unexpectedFix = 'run it again with STINT_LOG_LEVEL=debug, and report it with what is logged then';

/** Anything thrown as a failure to show. What is no expected failure keeps its text: it happened on the user's own machine. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof CliError) return thrown.failure;
  if (isServiceError(thrown)) {
    const { what, why } = splitMessage(thrown);
    return {
      what,
      why,
      reason: thrown.reason,
      fix: fixOf(thrown),
      exitCode: exitCodeOf(thrown.reason),
      metadata: thrown.metadata,
    };
  }
  if (thrown instanceof InputFileError) {
    const { what, why } = thrown;
    return cliError('FILE_UNUSABLE', { what, why, fix: mendFix }).failure;
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const isOfFile = thrown instanceof PrivateFileError || isSystemError(thrown);
  return {
    what: text,
    reason: isOfFile ? 'FILE_UNUSABLE' : 'INTERNAL',
    why: isOfFile ? 'a file or directory that the command needs is not fit for use' : 'an unexpected fault',
    fix: isOfFile ? mendFix : unexpectedFix,
    exitCode: exitCodes.error.code,
    metadata: {},
  };
}

/** The same failure with a fix that only the command can know. */
export function withFix(thrown: unknown, fix: string): CliError {
  return new CliError({ ...failureOf(thrown), fix }, thrown);
}

/** How a service is named that went away while it was asked. */
const noAnswer = ['BROKER_UNAVAILABLE', 'SIDECAR_UNAVAILABLE', 'AUDITOR_UNAVAILABLE'] as const;

/** What an order may do after nobody waits for its answer any more, and where to see whether it has; none: it does nothing. */
export type LateEffect = { readonly effect: string; readonly look?: string };

/** The failure of an order: of one without an answer is said whether it may have been heard, and where to look. */
export function withLateEffect(thrown: unknown, { effect, look }: LateEffect): unknown {
  if (!isServiceError(thrown, 'DEADLINE_EXCEEDED', ...noAnswer)) return thrown;
  const failure = failureOf(thrown);
  const fix = look === undefined ? failure.fix : `see whether it did before you try again: ${look}`;
  return new CliError({ ...failure, why: `${failure.why}; ${effect}`, fix }, thrown);
}

/** Fields of the contract as the user of a command typed them. */
const typedWords: Readonly<Record<string, string>> = {
  justification: '--reason',
  reason: '--reason',
  ttl: '--ttl',
  grant: 'GRANT',
  grant_id: 'GRANT',
  request_id: '--request',
  lease_id: '--lease',
  spiffe_id: 'SPIFFE_ID',
  resource: 'RESOURCE',
  action: 'ACTION',
  broker: 'BROKER',
  context: '--context',
  operator: '--by',
  type_prefix: '--type',
};

/** The field at fault as it was typed; undefined when the user cannot have typed it. `context.ticket` is of `--context`. */
function typedWordOf({ metadata }: ServiceError): string | undefined {
  const [field = '', ...key] = (metadata['field'] ?? '').split('.');
  const word = typedWords[field];
  return word === undefined || key.length === 0 ? word : `${word} ${key.join('.')}`;
}

/** A field's fault and, behind a colon that no quoted value holds, why it is one. */
const faultAndWhy = /^((?:"[^"]*"|[^":])+): (.+)$/s;

// Services write "what: why"; a message that begins with a field's name says what is wrong with that field, all of it.
function splitMessage(error: ServiceError): { what: string; why: string } {
  const { message, metadata, reason } = error;
  const { meaning } = errorReasons[reason];
  const colon = message.indexOf(': ');
  const what = message.slice(0, colon);
  const why = message.slice(colon + 2);
  const word = what === metadata['field'] ? typedWordOf(error) : undefined;
  if (word !== undefined) {
    const [, fault = why, because = meaning] = faultAndWhy.exec(why) ?? [];
    return { what: `${word}: ${fault}`, why: because };
  }
  const isSentence = colon > 0 && what.includes(' ');
  return isSentence ? { what, why } : { what: message, why: meaning };
}

const fixes: Partial<Record<ErrorReason, string>> = {
  INVALID_FIELD: 'see --help of the command',
  TTL_OUT_OF_RANGE: 'leave --ttl out, or keep within what is said above, such as --ttl 5m',
  MESSAGE_TOO_LARGE: 'say it shorter',
  IDENTITY_UNKNOWN: 'register the identity in the registry file, then: stint policy reload',
  IDENTITY_SUSPENDED: 'set its state to active in the registry file, then: stint policy reload',
  RESOURCE_NOT_FOUND: 'stint registry list',
  PROFILE_NOT_FOUND: 'stint registry list',
  GRANT_NOT_FOUND: 'stint grants list',
  LEASE_NOT_FOUND: 'stint grants list',
  GRANT_ENDED: 'ask anew: stint request RESOURCE ACTION',
  RECORD_NOT_FOUND: 'stint audit list',
  METHOD_NOT_ALLOWED: 'check which sockets flags, variables or .stint/mesh.json name: stint --help',
  POLICY_INVALID: 'mend the file that is named, then: stint policy reload',
  INTERNAL: "look into the service's log",
};

/** Where the words are listed that may stand there. */
const listedWords: Readonly<Record<string, string>> = {
  RESOURCE: 'stint registry list',
  ACTION: 'stint registry list',
  GRANT: 'stint grants list',
};

function fieldFixOf(word: string): string {
  return listedWords[word] ?? `mend ${word} as is said above; --help tells how it is used`;
}

function fixOf(error: ServiceError): string {
  const { reason, retryAfterMs } = error;
  const word = reason === 'INVALID_FIELD' ? typedWordOf(error) : undefined;
  const fix = word === undefined ? fixes[reason] : fieldFixOf(word);
  if (fix !== undefined) return fix;
  if (!errorReasons[reason].retry) return 'stint status';
  const wait = retryAfterMs === undefined ? '' : ` in ${formatDurationMs(retryAfterMs)}`;
  return `try again${wait}; if it stays: stint status`;
}

function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown;
}
