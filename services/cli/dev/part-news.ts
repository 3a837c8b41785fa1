import pc from 'picocolors';
import type { MeshPart } from '../../../deploy/mesh/mesh.ts';
import { type PartNews, restartsMax } from '../../../deploy/mesh/part-keeper.ts';
import { foldedText } from './folded-text.ts';
import { faultText } from './start-fault.ts';

/** What became of a part that ended by itself, as `stint dev` says it. `logFile`: as somebody at this directory opens it. */
export function partNewsText(news: PartNews<MeshPart>, logFile: string): string {
  const { part, kind } = news;
  if (kind === 'back') return pc.green(`  ${part} is back`);
  if (kind === 'left alone') {
    const why = news.fault === undefined ? 'ended again' : `could not be started: ${faultText(news.fault)}`;
    return pc.red(
      foldedText(
        `  ${part} ${why}; it is left alone after ${restartsMax} restarts: stop the mesh, and see ${logFile}`,
      ),
    );
  }
  const next = `it is started again in ${news.delayMs / 1_000} s`;
  const text =
    kind === 'ended'
      ? `  ${part} ended by itself (${news.how}); ${next}, its log is then ${logFile}.old`
      : `  ${part} could not be started: ${faultText(news.fault)}; ${next}`;
  return pc.yellow(foldedText(text));
}
