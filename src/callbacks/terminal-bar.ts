import cliProgress, { type Options, type Params } from 'cli-progress';
import { clearLine, cursorTo } from 'node:readline';
import { partsThatFit } from './format-logs.js';

/** Where lines go; `columns` and `isTTY` as on process.stdout. */
export interface LineStream extends NodeJS.WritableStream {
  readonly columns?: number;
  readonly isTTY?: boolean;
}

/** What the line shows besides the bar. */
export interface BarParts {
  /** Before the bar: `Epoch 3/10`. */
  readonly label: string;
  /** After it, the most important first. */
  readonly parts: readonly string[];
}

const WIDEST_BAR = 24;
const NARROWEST_BAR = 6;

/** Columns of the terminal; some pseudo-terminals say 0 when they do not know. */
export function columnsOf(stream: LineStream): number {
  return stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80;
}

/** One line with a bar, drawn over itself; it holds no timer and changes no mode of the terminal. */
export class TerminalBar {
  private readonly bar: StillBar;
  private barSize = WIDEST_BAR;

  constructor(private readonly stream: LineStream) {
    const options: Options & { terminal: object } = {
      ...cliProgress.Presets.shades_classic,
      barsize: WIDEST_BAR,
      format: (own, params, parts) => this.line(own, params, parts as BarParts),
      clearOnComplete: true,
      linewrap: true,
      terminal: plainTerminal(stream),
    };
    this.bar = new StillBar(options);
  }

  /** @param total - `null` where unknown: no bar */
  start(total: number | null, parts: BarParts): void {
    this.bar.start(total ?? 0, 0, parts);
  }

  draw(value: number, parts: BarParts): void {
    this.bar.update(value, parts);
    this.bar.render();
  }

  /** Clears the line. */
  stop(): void {
    this.bar.stop();
  }

  private line(options: Options, params: Params, { label, parts }: BarParts): string {
    // The last column stays empty: writing into it makes some terminals wrap.
    const width = columnsOf(this.stream) - 1;
    const rest = [label, ...parts].join('  ').length + '  '.length;
    // A bar that only ever shrinks does not dance when a number gains a digit.
    this.barSize = Math.min(this.barSize, width - rest);
    if (params.total === 0 || this.barSize < NARROWEST_BAR) return partsThatFit([label, ...parts], width);
    const bar = cliProgress.Format.BarFormat(params.progress, { ...options, barsize: this.barSize });
    return partsThatFit([label, bar, ...parts], width);
  }
}

/** The library redraws by a timer, which would keep the process alive; here every change is drawn when it happens. */
class StillBar extends cliProgress.SingleBar {
  override render(): void {
    super.render();
    clearTimeout((this as unknown as { timer: NodeJS.Timeout | undefined }).timer);
  }
}

/**
 * The terminal as the library wants it, without hidden cursor, switched-off wrapping and saved cursor positions: an
 * interrupted process leaves the terminal as it was, and lines that others print meanwhile are not overwritten.
 */
function plainTerminal(stream: LineStream): object {
  const nothing = (): void => {};
  return {
    cursor: nothing,
    cursorSave: nothing,
    cursorRestore: nothing,
    lineWrapping: nothing,
    newline: () => stream.write('\n'),
    write: (text: string) => stream.write(text),
    cursorTo: () => cursorTo(stream, 0),
    clearLine: () => clearLine(stream, 0),
    clearRight: () => clearLine(stream, 1),
    isTTY: () => true,
    getWidth: () => columnsOf(stream),
  };
}
