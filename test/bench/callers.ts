import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import { prefixed } from '@stint/common/grpc/message-reader.ts';
import { services } from '@stint/common/proto.ts';
import type { PemIdentity } from './echo-process.ts';

/**
 * Whom to call, and with what. `grpc-js`: its client and the contract's codec, by a unix socket or, with an identity, by
 * mutual TLS. `http2`: the least that a gRPC call is, by a unix socket: Node's HTTP/2, and the same bytes again and again.
 */
export type LoadTarget =
  | { readonly client: 'grpc-js'; readonly address: string; readonly tls?: PemIdentity }
  | { readonly client: 'http2'; readonly address: string };

/** Asks once. Rejects unless the call ended well. */
export type Caller = () => Promise<AcquireResponse | Buffer>;

const { path, requestSerialize, responseDeserialize } = services.sidecar.Acquire;

/** Bytes before each message, which is not compressed. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const prefixBytes = 5;

const clients = new Map<string, Client>();
const sessions = new Map<string, ClientHttp2Session>();

/** A caller who asks the same question again and again. */
export function callerOf(target: LoadTarget, question: AcquireRequest): Caller {
  if (target.client === 'grpc-js') {
    const client = known(clients, target.address, () => grpcClient(target));
    return () => callByGrpc(client, question);
  }
  const session = known(sessions, target.address, () => http2Session(target.address));
  const frame = prefixed(requestSerialize(question));
  return () => callByHttp2(session, frame);
}

function callByGrpc(client: Client, question: AcquireRequest): Promise<AcquireResponse> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, question, (error, answer) =>
      answer === undefined ? reject(error) : resolve(answer),
    );
  });
}

function callByHttp2(session: ClientHttp2Session, frame: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    const read = (chunk: Buffer) => chunks.push(chunk);
    let status: unknown;
    call.on('data', read);
    call.once('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    call.once('end', () => {
      // Node keeps a stream for a while that is over, and all that listens to it.
      call.off('data', read);
      const [only] = chunks;
      const answer = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
      if (status === '0' && answer.length > prefixBytes) resolve(answer.subarray(prefixBytes));
      else reject(new Error(`bench: a call ended with status ${String(status)}, ${answer.length} bytes`));
    });
    call.on('error', reject);
    call.end(frame);
  });
}

function grpcClient({ address, tls }: Extract<LoadTarget, { client: 'grpc-js' }>): Client {
  const security =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(tls.roots), Buffer.from(tls.key), Buffer.from(tls.certificates), {
          // SPIFFE IDs stand in place of host names; the floor checks the chain and no more.
          checkServerIdentity: () => undefined,
        });
  // The name sent in the handshake, which may not be an address. Source: RFC 6066 §3.
  return new Client(address, security, { 'grpc.ssl_target_name_override': 'stint' });
}

function http2Session(address: string): ClientHttp2Session {
  const socket = connect(address.replace(/^unix:/, ''));
  return connectHttp2('http://localhost', { createConnection: () => socket });
}

function known<Kept>(all: Map<string, Kept>, address: string, make: () => Kept): Kept {
  const found = all.get(address);
  if (found !== undefined) return found;
  const made = make();
  all.set(address, made);
  return made;
}
