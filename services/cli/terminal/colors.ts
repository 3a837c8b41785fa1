import pc from 'picocolors';

/** How a piece of text is painted. */
export type Paint = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

/** How text is written to one stream. */
export type Painter = {
  (text: string, paint: Paint | undefined): string;
  /** Columns of the terminal; absent: it is none, and nothing is wrapped. */
  readonly width?: number;
};

/**
 * Whether a stream gets colours: NO_COLOR says no; FORCE_COLOR and CLICOLOR_FORCE say yes (and FORCE_COLOR=0 no); then
 * CLICOLOR=0 and TERM=dumb say no; else terminals get them. Empty ones
 * count as absent. Source: no-color.org, force-color.org, bixense.com/clicolors.
 */
export function wantsColor(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const { NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM } = environment;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  if (CLICOLOR_FORCE !== undefined && CLICOLOR_FORCE !== '0') return true;
  if (CLICOLOR === '0' || TERM === 'dumb') return false;
  return isTerminal;
}

/** A painter that paints, or one that leaves everything as it is; for a terminal of so many columns. */
export function createPainter(enabled: boolean, width?: number): Painter {
  const colors = pc.createColors(enabled);
  const painter = (text: string, paint: Paint | undefined) =>
    paint === undefined ? text : colors[paint](text);
  return width === undefined ? painter : Object.assign(painter, { width });
}
