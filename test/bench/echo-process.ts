import { Server, ServerCredentials } from '@grpc/grpc-js';
import { services } from '@stint/common/proto.ts';
import { answerOrders } from './child.ts';

/** Certificate, key and root in PEM. */
export type PemIdentity = { readonly certificates: string; readonly key: string; readonly roots: string };

/** Serve the same answer of Acquire to every call, on a unix socket and, by mutual TLS, on a free port. */
export type EchoOrder = { readonly socket: string; readonly tls: PemIdentity; readonly answerBase64: string };
export type EchoWord = { readonly port: number };

/** The floor: bare grpc-js with the contract's codec, and nothing of ours behind it. */
async function serve({ socket, tls, answerBase64 }: EchoOrder): Promise<EchoWord> {
  const answer = services.sidecar.Acquire.responseDeserialize(Buffer.from(answerBase64, 'base64'));
  const server = new Server();
  server.addService(
    { Acquire: services.sidecar.Acquire },
    { Acquire: (_call: unknown, callback: (error: null, value: object) => void) => callback(null, answer) },
  );
  const pair = { cert_chain: Buffer.from(tls.certificates), private_key: Buffer.from(tls.key) };
  const mutual = ServerCredentials.createSsl(Buffer.from(tls.roots), [pair], true);
  await listen(server, `unix:${socket}`, ServerCredentials.createInsecure());
  return { port: await listen(server, '127.0.0.1:0', mutual) };
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

answerOrders(serve);
