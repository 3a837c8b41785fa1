/** A command of a document and what it says that the command prints. */
export type DocumentedCommand = {
  /** As it is typed, without the prompt. */
  readonly line: string;
  readonly output: readonly string[];
  /** Words after `console` on the fence: programs that the command needs. */
  readonly needs: readonly string[];
};

/** The commands of every ```console block of a Markdown text, in order. A command begins with `$ `; what follows is its output. */
export function consoleCommands(markdown: string): DocumentedCommand[] {
  const blocks = [...markdown.matchAll(/^```console *(.*)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, needs = '', body = '']) =>
    body
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [line = '', ...output] = part.trimEnd().split('\n');
        return { line, output, needs: needs.split(' ').filter((word) => word !== '') };
      }),
  );
}

/** Output without what differs from run to run: ids, times, numbers, the width of columns. */
export function timeless(line: string): string {
  return line
    .replace(/\b(req|grt|lse|evt)_[0-9a-z]{26}\b/g, '$1_ID')
    .replace(/\bstint_b1_[0-9a-z]{26}\b/g, 'ROLE')
    .replace(/\bsjt_[\w-]{43}/g, 'JOIN_TOKEN')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/[\w+/]{43}=/g, 'HASH')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b(?:in )?(?:\d+(?:ms|[dhms]))+(?: ago)?\b/g, 'DURATION')
    .replace(/-?\b\d+(?:\.\d+)?(?:e-?\d+)?\b/g, 'N')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The ids in a text that a command may be given, in order. */
export function typedIds(text: string): string[] {
  return text.match(/\b(?:req|grt|lse)_[0-9a-z]{26}\b/g) ?? [];
}

/** The ids of grants in a text, in order. */
export function grantIds(text: string): string[] {
  return text.match(/\bgrt_[0-9a-z]{26}\b/g) ?? [];
}
