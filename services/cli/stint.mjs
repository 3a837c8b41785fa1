#!/usr/bin/env node
// Starts the command line. Plain JavaScript, because it must run on any Node from 20 on: main.ts needs Node 24, which
// the repository brings. Where this Node is older, the program runs as a child on that one, exit code and signals passed on.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import module from 'node:module';
import { constants as system } from 'node:os';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;
const program = fileURLToPath(new URL('main.ts', import.meta.url));
const ownNode = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) {
  module.enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)));
  await import('./main.ts');
} else if (isExecutable(ownNode)) {
  runOn(ownNode);
} else {
  console.error(`error: stint needs Node ${nodeMajorMin} or newer, and this is ${process.version}`);
  console.error(`  why: there is none at ${ownNode}`);
  console.error('  fix: npm run setup');
  process.exitCode = 1;
}

function runOn(node) {
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  // What is typed at a terminal reaches the child too: it is of the same process group. Twice would be once too often.
  const fromTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, () => fromTerminal || child.kill(signal));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal));
  child.once('error', (fault) => {
    console.error(`error: ${node} cannot be run: ${fault.message}`);
    console.error('  fix: npm run setup');
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + system.signals[signal];
  });
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent and unusable come to the same
  }
}
