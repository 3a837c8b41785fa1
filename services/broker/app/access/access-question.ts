import { ServiceError } from '@stint/common/errors.ts';
import { suggestName } from '@stint/common/name-suggestion.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { findProfile, type Identity, type Profile, type Resource } from '../../domain/registry.ts';
import type { Bundle } from '../ports/policy.ts';
import type { Provider, ProviderSet } from '../ports/provider.ts';

/** Who asks, as proved by mutual TLS. */
export type Asker = {
  readonly spiffeId: SpiffeId;
  readonly svidSha256: string;
  readonly svidExpiresAt: UnixMs;
};

/** One identity asks for one action on one resource. Declared by the asker; its form is checked before anything else. */
export type AccessRequest = {
  readonly idempotencyKey: string;
  readonly resource: string;
  readonly action: string;
  readonly ttlMs?: number;
  readonly justification: string;
  readonly context: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
};

/**
 * How a request came: its W3C trace context, and whether the receiver will say that the credential arrived.
 */
export type Arrival = {
  readonly traceparent: string | undefined;
  readonly delivery: 'acknowledged' | 'unacknowledged';
};

/** A request with all that it names, found in one bundle at one moment. */
export type AccessQuestion = Arrival & {
  readonly asker: Asker;
  readonly request: AccessRequest;
  readonly identity: Identity;
  readonly resource: Resource;
  readonly profile: Profile;
  readonly provider: Provider;
  readonly now: UnixMs;
};

/** What a request names. */
export type Named = Pick<AccessQuestion, 'identity' | 'resource' | 'profile' | 'provider'>;

/**
 * Finds what a request names.
 * @throws ServiceError IDENTITY_UNKNOWN, IDENTITY_SUSPENDED, RESOURCE_NOT_FOUND, PROFILE_NOT_FOUND. Resources are no
 * secret among registered identities: their names stand in the refusal.
 */
export function findNamed(
  spiffeId: SpiffeId,
  request: Pick<AccessRequest, 'resource' | 'action'>,
  { registry, providers }: Pick<Bundle, 'registry'> & { readonly providers: ProviderSet },
): Named {
  const identity = registry.identities.get(spiffeId);
  if (identity === undefined)
    throw new ServiceError(
      'IDENTITY_UNKNOWN',
      `identity "${spiffeId}" is not registered: add it to the registry`,
    );
  if (identity.state !== 'active')
    throw new ServiceError('IDENTITY_SUSPENDED', `identity "${spiffeId}" is ${identity.state}`);
  const resource = registry.resources.get(request.resource);
  if (resource === undefined)
    throw new ServiceError(
      'RESOURCE_NOT_FOUND',
      withHint(
        `resource "${request.resource}" is not registered`,
        request.resource,
        registry.resources.keys(),
      ),
      { metadata: { resource: request.resource } },
    );
  const profile = findProfile(resource, request.action);
  if (profile === undefined) {
    const names = resource.profiles.map((candidate) => candidate.name);
    const actions = names.join(', ');
    const fault = `action "${request.action}" is not one of resource "${resource.id}": it has ${actions}`;
    const text = withHint(fault, request.action, names);
    const metadata = { resource: resource.id, action: request.action, actions };
    throw new ServiceError('PROFILE_NOT_FOUND', text, { metadata });
  }
  const provider = providers.get(resource.provider);
  if (provider === undefined)
    throw new Error(`resource ${resource.id} names no known provider: the bundle was not checked`);
  return { identity, resource, profile, provider };
}

/** A refusal of a name, with the one that was most likely meant. */
function withHint(fault: string, typed: string, known: Iterable<string>): string {
  const hint = suggestName(typed, known);
  return hint === '' ? fault : `${fault}; ${hint}`;
}
