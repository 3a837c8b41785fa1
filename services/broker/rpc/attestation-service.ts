import { ServiceError } from '@stint/common/errors.ts';
import type { AttestRequest__Output } from '@stint/common/gen/stint/broker/v1/AttestRequest.ts';
import { type GrpcService, grpcService, type MethodTable } from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import { Secret } from '@stint/common/secret.ts';
import type { Clock } from '@stint/common/time.ts';
import type { AttestationProof, AttestWorkload } from '../app/identity/attest-workload.ts';
import { AttestationRate } from './attestation-rate.ts';
import { toX509SvidMessage } from './svid-messages.ts';

const methods: MethodTable<typeof services.attestation> = {
  // Few at a time: each costs the work of checking a signature before anything is known of the caller.
  Attest: {
    callers: ['anonymous'],
    deadlineMs: { default: 10_000, max: 30_000 },
    concurrencyMax: 32,
    requestBytesMax: 8_192,
  },
};

/** `AttestationService`, for the bootstrap listener. How often it is tried is bounded before anything is looked at. */
export function attestationService(attestWorkload: AttestWorkload, clock: Clock): GrpcService {
  const rate = new AttestationRate(clock);
  return grpcService({
    definition: services.attestation,
    methods,
    handlers: {
      Attest: async (request, { peerAddress }) => {
        rate.take(peerAddress);
        return { svid: toX509SvidMessage(await attestWorkload.execute(toProof(request), request.csr)) };
      },
    },
  });
}

function toProof({ proof, joinToken }: AttestRequest__Output): AttestationProof {
  if (proof === 'joinToken' && joinToken !== undefined)
    return { kind: 'joinToken', joinToken: new Secret(joinToken) };
  throw new ServiceError('INVALID_FIELD', 'proof: none given', { metadata: { field: 'proof' } });
}
