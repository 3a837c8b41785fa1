import path from 'node:path';

/**
 * A path, with or without `:line`, as somebody at `directory` opens it: relative where it stands below, else as it is. The
 * paths of services are of their machine, which is this one wherever their sockets can be reached.
 */
export function pathText(place: string, directory: string): string {
  if (!path.isAbsolute(place)) return place;
  const relative = path.relative(directory, place);
  return relative === '' || relative.startsWith('..') ? place : relative;
}
