import { SingleBar } from 'cli-progress';
import type { InstallProgress } from '../engine/library/install-progress.js';

const PLAIN_LINE_EVERY = 0.25;
/** Below this a phase is over before a second line would be of use. */
const SMALL_PHASE = 100e6;

/** Draws a bar on a terminal, and writes a few plain lines anywhere else. */
export class TerminalProgress implements InstallProgress {
  private bar?: SingleBar;
  private phase?: { name: string; total: number | undefined; shown: number };

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  note(message: string): void {
    this.end();
    this.stream.write(`${message}\n`);
  }

  begin(name: string, total?: number): void {
    this.end();
    this.phase = { name, total, shown: 0 };
    if (!this.stream.isTTY || total === undefined) {
      this.stream.write(`${name}${total === undefined ? '' : ` (${formatBytes(total)})`}\n`);
      return;
    }
    this.bar = new SingleBar({
      format: `${name}  {bar} {percentage} %  {done} of ${formatBytes(total)}  {eta_formatted}`,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 16,
      hideCursor: true,
      stream: this.stream,
      noTTYOutput: false,
    });
    this.bar.start(total, 0, { done: formatBytes(0) });
  }

  advance(bytes: number): void {
    if (this.phase?.total === undefined) return;
    const { total } = this.phase;
    const done = Math.min(bytes, total);
    if (this.bar !== undefined) {
      this.bar.update(done, { done: formatBytes(done) });
    } else if (total >= SMALL_PHASE && done / total >= this.phase.shown + PLAIN_LINE_EVERY) {
      this.phase.shown = Math.floor(done / total / PLAIN_LINE_EVERY) * PLAIN_LINE_EVERY;
      this.stream.write(`  ${Math.round(this.phase.shown * 100)} %  ${formatBytes(done)}\n`);
    }
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
    this.phase = undefined;
  }
}

export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
