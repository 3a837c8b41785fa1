import { plainText } from '@stint/common/plain-text.ts';
import { devMesh } from '../../../deploy/mesh/mesh.ts';
import { shellWords } from '../terminal/shell-words.ts';
import { wrapText } from '../terminal/wrap-text.ts';
import { columnsMax } from './folded-text.ts';
import type { MeshEnd } from './stop-mesh.ts';

/** Where commands look by themselves. */
const stateDefault = '.stint';

/** How a mesh is started on a state directory. */
function startCommand(stateDirectory: string): string {
  return stateDirectory === stateDefault
    ? 'npm start'
    : `npm start -- --state-dir ${shellWords([stateDirectory])}`;
}

/** Whether nothing of a mesh is left. */
export function isClean({ left, users }: MeshEnd): boolean {
  return left.length === 0 && users.length === 0;
}

/** The last words on a mesh: what is left, and what ends it. Lines of at most 80 columns, names and commands apart. */
export function endText({ left, users }: MeshEnd, stateDirectory: string): string {
  if (isClean({ left, users })) return 'Stopped: no process and no database user is left.';
  const texts = [...processesText(left), ...usersText({ left, users })];
  const lines = texts.flatMap((text) => wrapText(plainText(text), columnsMax));
  return [...lines, ...(users.length === 0 ? [] : [`  ${plainText(startCommand(stateDirectory))}`])].join(
    '\n',
  );
}

function processesText(left: MeshEnd['left']): readonly string[] {
  if (left.length === 0) return ['Stopped: no process is left.'];
  const named = left.map(({ name, pid }) => `${name} (process ${pid})`).join(', ');
  const pids = left.map(({ pid }) => pid).join(' ');
  return [`Killed, and still there: ${named}.`, `See what keeps it: ps -fp ${pids}`];
}

function usersText({ left, users }: MeshEnd): readonly string[] {
  if (users.length === 0) return [];
  const which =
    users === 'unknown'
      ? `Users stint_${devMesh.brokerName}_… may be left in the demo database, which could not be asked.`
      : `Users left in the demo database: ${users.join(', ')}.`;
  const isStopped = left.length === 0;
  const next = isStopped
    ? 'Nobody can log in while it is stopped; the next start ends them:'
    : 'The next start ends them:';
  return [which, next];
}
