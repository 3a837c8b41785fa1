// Exits 0 when node_modules holds what package-lock.json says, 1 when not. Plain JavaScript: setup runs it on
// the system's Node, which may be 20, before Node 24 is there. npm keeps what it installed in its hidden lockfile.
import { readFileSync } from 'node:fs';

const wanted = packagesOf('package-lock.json');
const installed = packagesOf('node_modules/.package-lock.json');

const isInstalled = ([place, entry]) =>
  // Optional packages for other systems are not installed, and need not be.
  installed[place] === undefined ? entry.optional === true : isSame(installed[place], entry);
const isWanted = (place) => wanted[place] !== undefined;

const matches = Object.entries(wanted).every(isInstalled) && Object.keys(installed).every(isWanted);
process.exit(matches ? 0 : 1);

function packagesOf(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.fromEntries(Object.entries(packages).filter(([place]) => place.includes('node_modules/')));
}

function isSame(one, other) {
  return one.version === other.version && one.integrity === other.integrity && one.link === other.link;
}
