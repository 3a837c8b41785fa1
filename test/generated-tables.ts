import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { optionMarkdown } from '@stint/common/config/option-text.ts';
import { errorReasons } from '@stint/common/errors.ts';
import { type EventMember, eventTable } from '@stint/common/event-table.ts';
import { metricTable } from '@stint/common/telemetry/metric-table.ts';
import { repositoryRoot } from '../deploy/tools.ts';
import { auditorConfig } from '../services/auditor/config.ts';
import { findingClasses } from '../services/auditor/domain/findings.ts';
import { brokerConfig } from '../services/broker/config.ts';
import { sidecarConfig } from '../services/sidecar/config.ts';

/** A table of a page that is made from the code. It stands between two comments, each on a line of its own. */
export type GeneratedTable = {
  /** From the root of the repository. */
  readonly page: string;
  /** In the comments: `<!-- begin options -->` and `<!-- end options -->`. */
  readonly name: string;
  /** Markdown, ending in a line break. */
  readonly markdown: () => string;
};

export const generatedTables: readonly GeneratedTable[] = [
  {
    page: 'services/broker/README.md',
    name: 'options',
    markdown: () => alignedTable(optionMarkdown(brokerConfig)),
  },
  {
    page: 'services/auditor/README.md',
    name: 'options',
    markdown: () => alignedTable(optionMarkdown(auditorConfig)),
  },
  {
    page: 'services/sidecar/README.md',
    name: 'options',
    markdown: () => alignedTable(optionMarkdown(sidecarConfig)),
  },
  { page: 'services/common/README.md', name: 'errors', markdown: () => alignedTable(errorMarkdown()) },
  { page: 'services/common/README.md', name: 'metrics', markdown: () => alignedTable(metricMarkdown()) },
  { page: 'deploy/nats/README.md', name: 'types', markdown: () => alignedTable(eventTypeMarkdown()) },
  { page: 'deploy/nats/events.md', name: 'events', markdown: eventMarkdown },
  {
    page: 'services/auditor/README.md',
    name: 'exit codes',
    markdown: () => alignedTable(exitCodeMarkdown()),
  },
];

/** Writes every table into its page. @throws Error when a page lacks the comments that the table stands between */
export function writeGeneratedTables(): void {
  for (const table of generatedTables) {
    const file = path.join(repositoryRoot, table.page);
    const page = readFileSync(file, 'utf8');
    const fresh = withTable(page, table);
    if (fresh !== page) writeFileSync(file, fresh);
  }
}

/** The pages whose tables are not those that the code gives. `npm run generate` repairs them. */
export function staleTables(): string[] {
  return generatedTables.flatMap((table) => {
    const page = readFileSync(path.join(repositoryRoot, table.page), 'utf8');
    return withTable(page, table) === page ? [] : [`${table.page}: ${table.name}`];
  });
}

/** A page's text with the table as the code gives it now. */
export function withTable(text: string, { page, name, markdown }: GeneratedTable): string {
  const [begin, end] = [`<!-- begin ${name} -->\n`, `<!-- end ${name} -->\n`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(
      `${page}: the lines "${begin.trim()}" and "${end.trim()}" must stand in it, in this order`,
    );
  return `${text.slice(0, from)}${begin}\n${markdown()}\n${text.slice(to)}`;
}

function errorMarkdown(): string {
  const rows = Object.entries(errorReasons).map(
    ([reason, { code, retry, meaning }]) =>
      `| \`${reason}\` | ${code} | ${retry ? 'yes' : 'no'} | ${meaning} |\n`,
  );
  return ['| reason | gRPC code | again | meaning |\n', '|---|---|---|---|\n', ...rows].join('');
}

function metricMarkdown(): string {
  const rows = Object.entries(metricTable).map(
    ([name, { kind, unit, by, attributes, description }]) =>
      `| \`${name}\` | ${kind} | ${unit} | ${by} | ${attributes} | ${description} |\n`,
  );
  const head = '| metric | kind | unit | recorded by | attributes | what |\n';
  return [head, '|---|---|---|---|---|---|\n', ...rows].join('');
}

function eventTypeMarkdown(): string {
  const rows = Object.entries(eventTable).map(([type, { when }]) => `| \`${type}\` | ${when} |\n`);
  return ['| `auditlog.` | when |\n', '|---|---|\n', ...rows].join('');
}

/** A section for each type: a reader comes with the name of one in hand. */
function eventMarkdown(): string {
  const sections = Object.entries(eventTable).map(([type, { when, data }]) => {
    const members: readonly (readonly [string, EventMember])[] = Object.entries(data);
    const rows = members.map(([name, [form, says]]) => {
      const written = form.endsWith('?') ? `${form.slice(0, -1)}, or absent` : form;
      return `| \`${name}\` | ${written} | ${says} |\n`;
    });
    const table = alignedTable(['| data | form | what |\n', '|---|---|---|\n', ...rows].join(''));
    return `### ${type}\n\n${when[0]?.toUpperCase()}${when.slice(1)}.\n\n${table}`;
  });
  return sections.join('\n');
}

function exitCodeMarkdown(): string {
  const rows = Object.entries(findingClasses).map(
    ([name, { exitCode, meaning }]) => `| ${exitCode} ${name} | ${meaning} |\n`,
  );
  return ['| exit code | what is wrong |\n', '|---|---|\n', ...rows].join('');
}

/** A table whose columns are as wide as their widest cell: as the formatter wants it. */
function alignedTable(markdown: string): string {
  const [head = [], , ...body] = markdown
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/))
    .map((cells) => cells.map((cell) => cell.trim()));
  const rows = [head, ...body];
  const widths = head.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('');
}
