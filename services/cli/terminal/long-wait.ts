import type { Output } from './output.ts';

/** How long a command waits without a word, in milliseconds. */
export const silentMsMax = 1_000;

/** What is said; nothing when undefined. */
type Said = string | undefined;

/** What is awaited, and how to say it. */
export type LongWait<Answer> = {
  readonly answer: Promise<Answer>;
  /** Asked for when the wait has become long, so that it may find out what is missing. Never fails. */
  readonly describe: () => Said | Promise<Said>;
};

/**
 * Waits for an answer, and passes it or its failure on at once. When it takes longer than {@link silentMsMax}, people at a
 * terminal are told once what is being waited for; programs never are.
 */
export async function tellLongWait<Answer>(output: Output, wait: LongWait<Answer>): Promise<Answer> {
  if (!output.isWatched) return wait.answer;
  let isOver = false;
  const tell = async () => {
    const text = await wait.describe();
    if (!isOver && text !== undefined) output.note(text);
  };
  const timer = setTimeout(() => void tell(), silentMsMax);
  try {
    return await wait.answer;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
