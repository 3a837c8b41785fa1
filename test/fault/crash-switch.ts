import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Environment variable that names the switch's file. Only the programs of fault tests read it. */
export const crashSwitchVariable = 'CRASH_SWITCH';

/** Arms the switch: the first process to come to this step kills itself there, once. */
export function armCrash(file: string, step: string): void {
  writeFileSync(file, step);
}

/**
 * A step observer that ends its own process, as a power cut would, at the step that stands in the switch's file.
 * SIGKILL, so that nothing is flushed, closed or said; the file goes first, so that the next process lives.
 */
export function crashSwitch(file: string): (step: string) => void {
  return (step) => {
    if (armedStep(file) !== step) return;
    rmSync(file);
    process.kill(process.pid, 'SIGKILL');
  };
}

/** The step at which a process is to die; undefined when the switch is not armed. */
export function armedStep(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault;
  }
}
