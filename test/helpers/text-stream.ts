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

/** What begins a command to the terminal. */
export const ESCAPE = '\u001b';

const TOKEN = new RegExp(`${ESCAPE}\\[(\\d*)([A-Za-z])|[^]`, 'gu');

/** What a terminal of one screen shows after this text: cursor to column, clear line, carriage return, newline. */
export function screen(text: string): string[] {
  const lines: string[] = [''];
  let column = 0;
  for (const [token, digits, command] of text.matchAll(TOKEN)) {
    const last = lines.length - 1;
    if (command !== undefined) {
      if (command === 'G') column = Number(digits || 1) - 1;
      else if (command === 'K') lines[last] = digits === '2' ? '' : lines[last]!.slice(0, column);
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
