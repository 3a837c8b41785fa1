import type { Socket } from 'node:net';
import type { ErasedMethod } from '../grpc-method.ts';
import type { WrappedHandler } from './method-wrapper.ts';

/** A method as a transport serves it: its codecs, its wrapped handler, and its largest request in bytes. */
export type ServedMethod = {
  readonly definition: ErasedMethod;
  readonly handler: WrappedHandler;
  readonly bytesMax: number;
};

/** What speaks gRPC on the connections of one listener. */
export interface Transport {
  serve(socket: Socket): void;
  /** Takes no new calls; resolves when those under way have ended. */
  shutDown(): Promise<void>;
  /** Ends what is left. */
  cut(): void;
}
