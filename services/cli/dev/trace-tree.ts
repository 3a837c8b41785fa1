import type { Span } from './trace-store.ts';

/** Deepest level drawn; deeper spans stand at it. */
const depthMax = 32;

/**
 * Draws a trace as a tree: a line a span, children below their parent in order of start, with the milliseconds from the
 * trace's begin and those it took. A span whose parent is not there stands at the top. Calls are named without their
 * package, so that lines stay short. Returns no lines for no spans.
 */
export function drawTrace(unordered: readonly Span[]): string[] {
  const spans = unordered.toSorted((a, b) => a.startMs - b.startMs);
  const known = new Set(spans.map((span) => span.id));
  const roots = spans.filter((span) => span.parentId === undefined || !known.has(span.parentId));
  const children = Map.groupBy(spans, (span) => span.parentId);
  const begin = Math.min(...spans.map((span) => span.startMs));
  const rows: { label: string; service: string; times: string }[] = [];
  const seen = new Set<string>();
  const draw = (span: Span, ahead: { own: string; below: string }, depth: number): void => {
    // A cycle can only be a lie of whoever sent it; it is drawn once.
    if (seen.has(span.id)) return;
    seen.add(span.id);
    const times = `+${(span.startMs - begin).toFixed(1)}  ${(span.endMs - span.startMs).toFixed(1)} ms${span.isError ? '  error' : ''}`;
    rows.push({
      label: `${ahead.own}${oneLine(shortName(span.name))}`,
      service: oneLine(span.service),
      times,
    });
    const below = children.get(span.id) ?? [];
    below.forEach((child, index) => {
      const isLast = index === below.length - 1;
      const next = {
        own: `${ahead.below}${isLast ? '└─ ' : '├─ '}`,
        below: `${ahead.below}${isLast ? '   ' : '│  '}`,
      };
      draw(child, depth < depthMax ? next : ahead, depth + 1);
    });
  };
  for (const root of roots) draw(root, { own: '', below: '' }, 0);
  const width = (pick: (row: (typeof rows)[number]) => string) =>
    Math.max(0, ...rows.map((row) => pick(row).length));
  const [labels, services] = [width((row) => row.label), width((row) => row.service)];
  return rows.map((row) => `${row.label.padEnd(labels)}  ${row.service.padEnd(services)}  ${row.times}`);
}

/** `stint.sidecar.v1.SidecarService/Acquire` as `SidecarService/Acquire`. */
function shortName(name: string): string {
  return name.replace(/^(?:[a-z]\w*\.)+(?=[A-Z]\w*\/)/, '');
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
