import { devMesh } from '../../../deploy/mesh/mesh.ts';
import { shellWords } from '../commands/option-values.ts';
import { wrapText } from '../terminal/wrap-text.ts';
import type { MeshEnd } from './stop-mesh.ts';

/** Columns of what `stint dev` says of itself. */
export const widthMax = 80;

/** Where commands look by themselves. */
const stateDefault = '.stint';

/** How a mesh is started on a state directory. */
export function startCommand(stateDirectory: string): string {
  return stateDirectory === stateDefault
    ? 'npm start'
    : `npm start -- --state-dir ${shellWords([stateDirectory])}`;
}

/** Whether nothing of a mesh is left. */
export function isClean({ left, users }: MeshEnd): boolean {
  return left.length === 0 && users.length === 0;
}

/** The last words on a mesh: what is left, and what ends it. Lines of at most 80 columns, names and commands apart. */
export function endText(end: MeshEnd, stateDirectory: string): string {
  if (isClean(end)) return 'Stopped: no process and no database user is left.';
  const { left, users } = end;
  const processes = left.map(({ name, pid }) => `${name} (process ${pid})`).join(', ');
  const pids = left.map(({ pid }) => pid).join(' ');
  const first = left.length === 0 ? 'Stopped: no process is left.' : `Killed, and still there: ${processes}.`;
  const texts = [
    ...(left.length === 0 ? [first] : [first, `See what keeps it: ps -fp ${pids}`]),
    ...(users.length === 0 ? [] : usersText(users)),
  ];
  const lines = texts.flatMap((text) => wrapText(text, widthMax));
  return [...lines, ...(users.length === 0 ? [] : [`  ${startCommand(stateDirectory)}`])].join('\n');
}

function usersText(users: MeshEnd['users']): readonly string[] {
  const which =
    users === 'unknown'
      ? `Users stint_${devMesh.brokerName}_… may be left in the demo database, which could not be asked.`
      : `Users left in the demo database: ${users.join(', ')}.`;
  return [which, 'Nobody can log in while it is stopped; the next start ends them:'];
}
