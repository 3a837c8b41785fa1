import {
  type CallableMethod,
  type CallOptions,
  type ClientStream,
  callMsDefault,
  type GrpcChannel,
} from '@stint/common/grpc-client.ts';
import { formatDurationMs } from '@stint/common/time.ts';
import { silentMsMax, tellLongWait } from './terminal/long-wait.ts';
import type { Output } from './terminal/output.ts';

/** What one call may set. */
export type ToldCallOptions = CallOptions & {
  /**
   * The words for a long wait, given how much longer it takes at most: `29s`. Never fails. Without it: whose answer is
   * awaited.
   */
  readonly describeWait?: ((left: string) => string | Promise<string>) | undefined;
};

/** What a told channel is made of. */
export type ToldChannelParts = {
  readonly channel: GrpcChannel;
  /** Who is called, as people know it. */
  readonly name: string;
  readonly output: Output;
};

/**
 * A channel whose calls do not wait in silence: people are told whose answer is awaited, and for how long at most. Once,
 * however many calls without words of their own a command makes: what keeps one keeps the others. Streams last as long as
 * their user wants, and are not told.
 */
export class ToldChannel implements GrpcChannel {
  readonly #parts: ToldChannelParts;
  #isTold = false;

  constructor(parts: ToldChannelParts) {
    this.#parts = parts;
  }

  call<In, Out>(
    method: CallableMethod<In, Out>,
    request: In,
    { describeWait, ...options }: ToldCallOptions = {},
  ): Promise<Out> {
    const { channel, output, name } = this.#parts;
    const answer = channel.call(method, request, options);
    const leftMs = (options.deadlineMs ?? callMsDefault) - silentMsMax;
    if (leftMs <= 0) return answer; // it is over before there would be anything to tell
    const left = formatDurationMs(leftMs);
    const describeOnce = () => {
      if (this.#isTold) return undefined;
      this.#isTold = true;
      return `still waiting for the ${name} to answer: ${left} more at most; Ctrl-C gives up`;
    };
    const describe = describeWait === undefined ? describeOnce : () => describeWait(left);
    return tellLongWait(output, { answer, describe });
  }

  serverStream<In, Out>(
    method: CallableMethod<In, Out>,
    request: In,
    options?: CallOptions,
  ): AsyncIterable<Out> {
    return this.#parts.channel.serverStream(method, request, options);
  }

  bidi<In, Out>(method: CallableMethod<In, Out>, options?: CallOptions): ClientStream<In, Out> {
    return this.#parts.channel.bidi(method, options);
  }

  close(): void {
    this.#parts.channel.close();
  }
}
