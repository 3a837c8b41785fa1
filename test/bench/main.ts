import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { requireNode24 } from '../../deploy/tools.ts';
import { type Figure, formatFigures } from './figure.ts';
import { measureOnMesh, meshParts } from './measure-mesh.ts';
import { measureAudit, measureProvider, measureSigning, measureStore } from './measure-pieces.ts';
import { measureSetup, measureStory } from './measure-story.ts';

const usage = `usage: npm run bench [-- --out FILE] [--only PREFIX]

Measures Stint on this machine, each figure in turns with its floor. A whole run takes about three minutes.
  --out FILE     also write {machine, node, figures} as JSON
  --only PREFIX  only figures whose name begins so; "setup" (a fresh clone) is measured only when asked for
`;

/** A part of a run that makes figures with these prefixes. */
type Section = {
  readonly title: string;
  readonly makes: readonly string[];
  readonly run: () => Promise<Figure[]>;
};

const say = (remark: string) => console.log(`  ${remark}`);

function sections(only: string): Section[] {
  const wanted = (makes: readonly string[]) =>
    makes.some((made) => made.startsWith(only) || only.startsWith(made));
  const mesh: Section = {
    title: 'a whole mesh under load',
    makes: Object.values(meshParts).flat(),
    run: () => measureOnMesh((part) => wanted(meshParts[part]), say),
  };
  const all: Section[] = [
    { title: 'the story from nothing to its end', makes: ['story.'], run: measureStory },
    mesh,
    { title: 'appending to the audit log', makes: ['audit.append', 'audit.verify'], run: measureAudit },
    { title: 'committing grants to the store', makes: ['ledger.'], run: measureStore },
    { title: 'signing tokens', makes: ['jwt.'], run: measureSigning },
    { title: 'PostgreSQL leases without the mesh', makes: ['provider.'], run: measureProvider },
  ];
  // It takes minutes, and the network.
  if (only.startsWith('setup'))
    all.push({ title: 'set-up of a fresh clone', makes: ['setup.'], run: measureSetup });
  return all.filter(({ makes }) => wanted(makes));
}

/** Measures what is wanted. A part that fails is told and fails the run, the others go on. */
async function measure(only: string): Promise<{ figures: Figure[]; failures: number }> {
  const figures: Figure[] = [];
  let failures = 0;
  for (const { title, run } of sections(only)) {
    console.log(`Measuring ${title}`);
    try {
      figures.push(...(await run()).filter(({ name }) => name.startsWith(only)));
    } catch (fault) {
      failures += 1;
      say(
        `FAILED, its figures are left out: ${fault instanceof Error ? (fault.stack ?? fault.message) : fault}`,
      );
    }
  }
  return { figures, failures };
}

function machine(): string {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} × ${cpu?.model.trim() ?? 'unknown'}, ${gigabytes} GB, ${process.platform} ${release()}`;
}

requireNode24();
const { values } = parseArgs({
  options: { out: { type: 'string' }, only: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help === true) console.log(usage);
else {
  const { figures, failures } = await measure(values.only ?? '');
  console.log(`\n${machine()}, Node ${process.version}\n\n${formatFigures(figures)}`);
  if (values.out !== undefined) {
    const report = { machine: machine(), node: process.version, figures };
    writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.exitCode = failures === 0 ? 0 : 1;
}
