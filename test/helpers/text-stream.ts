import type { LineStream } from '../../src/callbacks/terminal-bar.js';

/** A stream that keeps what is written; with `columns` it says it is a terminal. */
export function textStream(columns?: number): LineStream & { text(): string } {
  let written = '';
  const stream = {
    isTTY: columns !== undefined,
    columns,
    write: (chunk: string) => {
      written += chunk;
      return true;
    },
    text: () => written,
  };
  return stream as unknown as LineStream & { text(): string };
}

/** What a terminal of one screen shows after this text: cursor to column, clear line, carriage return, newline. */
export function screen(text: string): string[] {
  const lines: string[] = [''];
  let column = 0;
  for (const [token] of text.matchAll(/\x1b\[(\d*)([A-Za-z])|[^]/gu)) {
    const code = /^\x1b\[(\d*)([A-Za-z])$/u.exec(token);
    const last = lines.length - 1;
    if (code !== null) {
      if (code[2] === 'G') column = Number(code[1] || 1) - 1;
      else if (code[2] === 'K') lines[last] = code[1] === '2' ? '' : lines[last]!.slice(0, column);
      else throw new Error(`the terminal was told ${JSON.stringify(token)}`);
    } else if (token === '\n') {
      lines.push('');
      column = 0;
    } else {
      const line = lines[last]!.padEnd(column);
      lines[last] = line.slice(0, column) + token + line.slice(column + 1);
      column += 1;
    }
  }
  return lines;
}
