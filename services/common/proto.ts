import { fileURLToPath } from 'node:url';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { asBuffer } from './as-buffer.ts';
import type { ErrorInfo, ErrorInfo__Output } from './gen/google/rpc/ErrorInfo.ts';
import type { RetryInfo, RetryInfo__Output } from './gen/google/rpc/RetryInfo.ts';
import type { Status, Status__Output } from './gen/google/rpc/Status.ts';
import type {
  AuditAdminServiceDefinition,
  AuditAdminServiceHandlers,
} from './gen/stint/audit/v1/AuditAdminService.ts';
import type { AuditServiceDefinition, AuditServiceHandlers } from './gen/stint/audit/v1/AuditService.ts';
import type { Receipt, Receipt__Output } from './gen/stint/audit/v1/Receipt.ts';
import type { SignedBatch, SignedBatch__Output } from './gen/stint/audit/v1/SignedBatch.ts';
import type { AccessServiceDefinition, AccessServiceHandlers } from './gen/stint/broker/v1/AccessService.ts';
import type { AdminServiceDefinition, AdminServiceHandlers } from './gen/stint/broker/v1/AdminService.ts';
import type {
  AttestationServiceDefinition,
  AttestationServiceHandlers,
} from './gen/stint/broker/v1/AttestationService.ts';
import type {
  IdentityServiceDefinition,
  IdentityServiceHandlers,
} from './gen/stint/broker/v1/IdentityService.ts';
import type { TracesExport, TracesExport__Output } from './gen/stint/dev/v1/TracesExport.ts';
import type { AccessView, AccessView__Output } from './gen/stint/sidecar/v1/AccessView.ts';
import type { AcquireResponse, AcquireResponse__Output } from './gen/stint/sidecar/v1/AcquireResponse.ts';
import type { SessionView, SessionView__Output } from './gen/stint/sidecar/v1/SessionView.ts';
import type {
  SidecarServiceDefinition,
  SidecarServiceHandlers,
} from './gen/stint/sidecar/v1/SidecarService.ts';

/** The members that a generated interface names, without the index signature it inherits from grpc-js. */
export type Named<T> = {
  readonly [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: T[Key];
};

declare const handlersOf: unique symbol;

/** A service's methods, and (in the type only) which of them are unary, server streams or bidirectional. */
export type ProtoService<Definition, Handlers> = Named<Definition> & {
  readonly [handlersOf]?: Named<Handlers>;
};

/** The generated handlers' type of a service: what tells unary methods from streams. */
export type ProtoHandlers<Service> = Service extends { readonly [handlersOf]?: infer Handlers }
  ? NonNullable<Handlers>
  : never;

const protoRoot = fileURLToPath(new URL('../../proto', import.meta.url));

/*
 * The options must be those that test/generate.ts generates the types with.
 * 64-bit integers become numbers: ours are sequences, counts and seconds, all far below 2^53.
 */
const loaded: PackageDefinition = loadSync(
  [
    'stint/broker/v1/access_service.proto',
    'stint/broker/v1/admin_service.proto',
    'stint/broker/v1/attestation_service.proto',
    'stint/sidecar/v1/sidecar_service.proto',
    'stint/sidecar/v1/session_view.proto',
    'stint/audit/v1/audit_service.proto',
    'stint/audit/v1/audit_admin_service.proto',
    'stint/audit/v1/batch.proto',
    'stint/dev/v1/otlp.proto',
    'google/rpc/error_details.proto',
  ],
  { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [protoRoot] },
);

/** Every service of the contract, from the .proto files. Method names are those of the files: `services.access.RequestAccess`. */
export const services = {
  access: service<AccessServiceDefinition, AccessServiceHandlers>('stint.broker.v1.AccessService'),
  admin: service<AdminServiceDefinition, AdminServiceHandlers>('stint.broker.v1.AdminService'),
  attestation: service<AttestationServiceDefinition, AttestationServiceHandlers>(
    'stint.broker.v1.AttestationService',
  ),
  identity: service<IdentityServiceDefinition, IdentityServiceHandlers>('stint.broker.v1.IdentityService'),
  sidecar: service<SidecarServiceDefinition, SidecarServiceHandlers>('stint.sidecar.v1.SidecarService'),
  audit: service<AuditServiceDefinition, AuditServiceHandlers>('stint.audit.v1.AuditService'),
  auditAdmin: service<AuditAdminServiceDefinition, AuditAdminServiceHandlers>(
    'stint.audit.v1.AuditAdminService',
  ),
} as const;

/** Writes and reads one message type's bytes. `decode` throws on malformed bytes; the caller treats them as hostile. */
export type Codec<Input, Output> = { encode(message: Input): Buffer; decode(bytes: Uint8Array): Output };

/** Messages that are written or read outside a gRPC call: on the bus, in a status, in a sidecar's memory, in `stint dev`. */
export const codecs = {
  sessionView: codec<SessionView, SessionView__Output>('stint.sidecar.v1.SessionView'),
  accessView: codec<AccessView, AccessView__Output>('stint.sidecar.v1.AccessView'),
  acquireResponse: codec<AcquireResponse, AcquireResponse__Output>('stint.sidecar.v1.AcquireResponse'),
  signedBatch: codec<SignedBatch, SignedBatch__Output>('stint.audit.v1.SignedBatch'),
  receipt: codec<Receipt, Receipt__Output>('stint.audit.v1.Receipt'),
  tracesExport: codec<TracesExport, TracesExport__Output>('stint.dev.v1.TracesExport'),
  status: codec<Status, Status__Output>('google.rpc.Status'),
  errorInfo: codec<ErrorInfo, ErrorInfo__Output>('google.rpc.ErrorInfo'),
  retryInfo: codec<RetryInfo, RetryInfo__Output>('google.rpc.RetryInfo'),
} as const;

function service<Definition, Handlers>(name: string): ProtoService<Definition, Handlers> {
  return definitionOf(name) as unknown as ProtoService<Definition, Handlers>;
}

function codec<Input extends object, Output extends object>(name: string): Codec<Input, Output> {
  const type = definitionOf(name) as unknown as MessageTypeDefinition<Input, Output>;
  return {
    encode: (message) => type.serialize(message),
    decode: (bytes) => type.deserialize(asBuffer(bytes)),
  };
}

function definitionOf(name: string): PackageDefinition[string] {
  const found = loaded[name];
  if (found === undefined) throw new Error(`proto: ${name} is not in the contract`);
  return found;
}
