import { freePort, isFreePort } from '../servers/free-port.ts';

/** TCP ports on 127.0.0.1. */
export type MeshPorts = {
  readonly mesh: number;
  readonly bootstrap: number;
  readonly auditor: number;
  readonly nats: number;
  readonly postgres: number;
};

/** The ports of the last start where they are still free, so that what was written down keeps working; all different. */
export async function choosePorts(last: MeshPorts | undefined): Promise<MeshPorts> {
  const chosen = new Set<number>();
  const choose = async (port: number | undefined) => {
    let choice = port !== undefined && (await isFreePort(port)) ? port : await freePort();
    while (chosen.has(choice)) choice = await freePort();
    chosen.add(choice);
    return choice;
  };
  return {
    mesh: await choose(last?.mesh),
    bootstrap: await choose(last?.bootstrap),
    auditor: await choose(last?.auditor),
    nats: await choose(last?.nats),
    postgres: await choose(last?.postgres),
  };
}
