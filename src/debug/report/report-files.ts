import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  ftruncateSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { TensorBoardWriter } from './tensorboard-writer.js';

/** The files of a report. A folder holds one run: where another has begun there since, writing is refused. */
export class ReportFiles {
  readonly events: TensorBoardWriter;
  private readonly lines: string;
  private readonly page: string;
  private readonly file: number;

  /**
   * @param goesOn - whether what an earlier run wrote stays
   * @throws Error of the file system
   */
  constructor(directory: string, goesOn: boolean) {
    const folder = join(directory, 'tensorboard');
    this.lines = join(directory, 'report.jsonl');
    this.page = join(directory, 'report.html');
    mkdirSync(folder, { recursive: true });
    if (goesOn) cutOffHalfALine(this.lines);
    // A new file and not an emptied one: by that a run that still writes notices.
    else rmSync(this.lines, { force: true });
    this.file = openSync(this.lines, 'a');
    try {
      this.events = new TensorBoardWriter(folder, goesOn);
    } catch (error) {
      closeSync(this.file);
      throw error;
    }
  }

  addLine(text: string): void {
    const found = statSync(this.lines, { throwIfNoEntry: false });
    const own = fstatSync(this.file);
    if (found?.ino !== own.ino || found.dev !== own.dev) {
      throw new Error(`${this.lines} was ${found === undefined ? 'removed' : 'begun anew, as by another run'}`);
    }
    writeSync(this.file, `${text}\n`);
  }

  /** Beside it and renamed: a browser never sees half of a page. Not synced: a report is no checkpoint. */
  writePage(text: string): void {
    const partial = `${this.page}.partial`;
    try {
      writeFileSync(partial, text);
      renameSync(partial, this.page);
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  }

  close(): void {
    closeSync(this.file);
    this.events.close();
  }
}

const CHUNK = 2 ** 16;

/** A run that was killed may have left one; what is added to it would be lost with it. Read from the end: it may be long. */
function cutOffHalfALine(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r+');
  try {
    const chunk = Buffer.alloc(CHUNK);
    let [end, whole] = [fstatSync(file).size, 0];
    while (end > 0 && whole === 0) {
      const start = Math.max(0, end - CHUNK);
      const read = readSync(file, chunk, 0, end - start, start);
      whole = start + chunk.subarray(0, read).lastIndexOf('\n') + 1;
      if (whole === start) [end, whole] = [start, 0];
    }
    ftruncateSync(file, whole);
  } finally {
    closeSync(file);
  }
}
