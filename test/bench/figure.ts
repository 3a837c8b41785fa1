/** One measured figure, as `--out` writes it. `floor` and `ratio` (value to floor) are null where there is no floor. */
export type Figure = {
  readonly name: string;
  /** Median of the samples. */
  readonly value: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Median of what the machine does at best, measured in turns with the samples. */
  readonly floor: number | null;
  /** Median of the samples' own ratios, each to the floor measured beside it. */
  readonly ratio: number | null;
  /** Samples: windows of a load, or single runs. */
  readonly n: number;
  readonly min: number;
  readonly max: number;
};

/** What a figure is called and how it is read. */
export type FigureKind = Pick<Figure, 'name' | 'unit' | 'better'>;

/** A figure of samples; `floors` has as many, each measured beside the sample of the same place. */
export function figureOf(kind: FigureKind, samples: readonly number[], floors?: readonly number[]): Figure {
  const ratios = floors?.map((floor, i) => (samples[i] ?? Number.NaN) / floor);
  return {
    ...kind,
    value: median(samples),
    floor: floors === undefined ? null : median(floors),
    ratio: ratios === undefined ? null : median(ratios),
    n: samples.length,
    min: Math.min(...samples),
    max: Math.max(...samples),
  };
}

/** The middle one; of an even number, the mean of the two in the middle. NaN of nothing. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** The sample below which this share of all lies. Sorts in place. */
export function quantile(samples: number[], share: number): number {
  samples.sort((a, b) => a - b);
  return samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? Number.NaN;
}

/** Figures as a table for people. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${short(figure.value)} ${figure.unit}`,
    `[${short(figure.min)} .. ${short(figure.max)}]`,
    figure.floor === null ? '' : short(figure.floor),
    figure.ratio === null ? '' : figure.ratio.toFixed(2),
    String(figure.n),
    figure.better,
  ]);
  const table = [['figure', 'median', '[min .. max]', 'floor', 'ratio', 'n', 'better'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function short(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
