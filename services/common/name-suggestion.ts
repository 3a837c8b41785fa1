/**
 * The known name that a mistyped one most likely means, as `did you mean "x"?`; empty when none is near.
 * Near is at most two edits, and less than half of the word.
 */
export function suggestName(typed: string, known: Iterable<string>): string {
  let best: string | undefined;
  let bestEdits = Math.min(3, Math.ceil(typed.length / 2));
  for (const name of known) {
    const edits = editDistance(typed.toLowerCase(), name.toLowerCase(), bestEdits);
    if (edits < bestEdits) {
      best = name;
      bestEdits = edits;
    }
  }
  return best === undefined ? '' : `did you mean "${best}"?`;
}

// Levenshtein's distance with neighbours swapped counting as one edit, given up at `limit`.
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (beforeLast[j - 2] ?? limit) + 1);
      row.push(edits);
    }
    if (Math.min(...row) >= limit) return limit;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? limit;
}
