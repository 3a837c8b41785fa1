import { lstatSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { PostgresPaths } from './tools.ts';

/** A symbolic link that npm packages cannot carry; both paths are relative to the package's root. */
type Link = { readonly source: string; readonly target: string };

/** Whether the shared libraries of the PostgreSQL package have their links, without which its programs do not load. */
export function postgresLibrariesAreLinked(postgres: PostgresPaths): boolean {
  return links(postgres).every(({ target }) => exists(path.join(packageRoot(postgres), target)));
}

/**
 * Makes those links: what the package's own install script would do, which does not run because install scripts are
 * off in this repository. Run again, it makes what is missing.
 */
export function linkPostgresLibraries(postgres: PostgresPaths): void {
  for (const { source, target } of links(postgres)) {
    const place = path.join(packageRoot(postgres), target);
    if (exists(place)) continue;
    symlinkSync(path.relative(path.dirname(target), source), place);
  }
}

function links(postgres: PostgresPaths): Link[] {
  return JSON.parse(readFileSync(path.join(postgres.directory, 'pg-symlinks.json'), 'utf8')) as Link[];
}

function packageRoot(postgres: PostgresPaths): string {
  return path.dirname(postgres.directory);
}

function exists(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false }) !== undefined;
}
