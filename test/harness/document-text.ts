/** A command that a page tells its reader to type. */
export type DocumentCommand = {
  /** As it is typed, without prompt and closing remark. */
  readonly line: string;
  readonly tool: 'npm' | 'npx stint' | 'npx node';
};

/** The commands of npm and npx in a page's code blocks, fenced or indented, in order. Pictures are passed over. */
export function documentCommands(markdown: string): DocumentCommand[] {
  return codeLines(markdown).flatMap((code) => {
    if (/[─═│▶◀]/.test(code)) return [];
    const line = code
      .trim()
      .replace(/^\$ /, '')
      .replace(/\s+# .*$/, '');
    const tool = /(?:^|; )(npm|npx stint|npx node)(?= |$)/.exec(line)?.[1] as
      | DocumentCommand['tool']
      | undefined;
    return tool === undefined ? [] : [{ line, tool }];
  });
}

/** The code of the first block that is fenced as that language; undefined when there is none. */
export function firstBlock(markdown: string, language: string): string | undefined {
  return new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(markdown)?.[1];
}

/** Where a page's links lead to that stay in the repository, as they are written. */
export function relativeLinks(markdown: string): string[] {
  const code = new Set(codeLines(markdown));
  const prose = markdown
    .split('\n')
    .filter((line) => !code.has(line))
    .join('\n');
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/.test(target));
}

/** A page's headings as the ends of links spell them: lower case, dashes for spaces, without punctuation. */
export function headingAnchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

function codeLines(markdown: string): string[] {
  let isFenced = false;
  return markdown.split('\n').filter((line) => {
    if (/^ *```/.test(line)) {
      isFenced = !isFenced;
      return false;
    }
    return isFenced || /^ {4}/.test(line);
  });
}
