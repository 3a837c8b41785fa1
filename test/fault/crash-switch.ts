import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Environment variable that names the switch's file. Only the programs of fault tests read it. */
export const crashSwitchVariable = 'CRASH_SWITCH';

/** Arms the switch: the first process to come to this step kills, once, this process; itself where none is named. */
export function armCrash(file: string, step: string, pid?: number): void {
  writeFileSync(file, [step, ...(pid === undefined ? [] : [pid])].join('\n'));
}

/**
 * A step observer that ends a process, as a power cut would, at the step that stands in the switch's file: SIGKILL, so that
 * nothing is flushed, closed or said. The file goes first, so that the next process lives.
 */
export function crashSwitch(file: string): (step: string) => void {
  return (step) => {
    const [armed, pid] = read(file)?.split('\n') ?? [];
    if (armed !== step) return;
    rmSync(file);
    process.kill(pid === undefined ? process.pid : Number(pid), 'SIGKILL');
  };
}

/** Whether nobody has come to the step yet. */
export function isArmed(file: string): boolean {
  return read(file) !== undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault;
  }
}
