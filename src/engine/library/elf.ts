import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What the dynamic section of an ELF shared library says. */
export interface ElfDynamic {
  readonly needed: string[];
  readonly searchPath: string[];
}

const PROGRAM_LOAD = 1;
const PROGRAM_DYNAMIC = 2;
const SECTION_NO_BITS = 8;
const LARGEST_TABLE = 64 * 1024 * 1024;
/** Real chains have a few entries. */
const LONGEST_CHAIN = 10_000;
const LONGEST_TEXT = 16 * 1024 * 1024;
const TAG = { needed: 1, stringTable: 5, symbolTable: 6, stringSize: 10, rpath: 15, runpath: 29, gnuHash: 0x6ffffef5 };

/**
 * Reads single facts out of a 64-bit little-endian ELF file. Only the bytes asked for are read: TensorFlow's library
 * has 788 MB and 82 MB of symbol names.
 */
export class ElfFile implements Disposable {
  readonly size: number;
  readonly machine: number;
  private readonly header: Buffer;
  private dynamicEntries?: { tag: number; value: number }[];

  private constructor(private readonly descriptor: number) {
    this.size = fstatSync(descriptor).size;
    this.header = this.read(0, 64);
    this.machine = this.header.readUInt16LE(18);
  }

  /** Null where the file is not a 64-bit little-endian ELF file. */
  static open(path: string): ElfFile | null {
    const descriptor = openSync(path, 'r');
    try {
      const identity = Buffer.alloc(64);
      const length = readSync(descriptor, identity, 0, 64, 0);
      const isElf = identity.readUInt32BE(0) === 0x7f454c46 && identity[4] === 2 && identity[5] === 1;
      if (isElf && length === 64) return new ElfFile(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    closeSync(descriptor);
    return null;
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }

  /** How long the file has to be for everything its tables name to lie inside it. */
  neededSize(): number {
    const sections = { offset: Number(this.header.readBigUInt64LE(40)), ...this.tableShape(58) };
    const end = sections.offset + sections.entrySize * sections.count;
    const segmentEnds = this.programHeaders().map((segment) => segment.offset + segment.fileSize);
    if (end > this.size || sections.count === 0) return Math.max(end, ...segmentEnds);
    const table = this.read(sections.offset, sections.entrySize * sections.count);
    const sectionEnds = Array.from({ length: sections.count }, (_, index) => {
      const at = index * sections.entrySize;
      if (table.readUInt32LE(at + 4) === SECTION_NO_BITS) return 0;
      return Number(table.readBigUInt64LE(at + 24)) + Number(table.readBigUInt64LE(at + 32));
    });
    return Math.max(end, ...segmentEnds, ...sectionEnds);
  }

  dynamic(): ElfDynamic {
    const entries = this.dynamicTable();
    const strings = this.fileOffset(this.dynamicValue(TAG.stringTable));
    const text = (offset: number) => this.readText(strings + offset);
    const paths = entries.filter(({ tag }) => tag === TAG.rpath || tag === TAG.runpath);
    return {
      needed: entries.filter(({ tag }) => tag === TAG.needed).map(({ value }) => text(value)),
      searchPath: [...new Set(paths.flatMap(({ value }) => text(value).split(':')))].filter((path) => path !== ''),
    };
  }

  /** Looks a defined symbol up in the GNU hash table, as the dynamic loader does. */
  exports(name: string): boolean {
    const tableAddress = this.dynamicValue(TAG.gnuHash);
    if (tableAddress === 0) return false;
    const table = this.fileOffset(tableAddress);
    const [bucketCount, firstSymbol, bloomSize] = this.readWords(table, 3) as [number, number, number];
    const buckets = table + 16 + bloomSize * 8;
    const chains = buckets + bucketCount * 4;
    const wanted = gnuHash(name);
    let index = this.readWords(buckets + (wanted % bucketCount) * 4, 1)[0]!;
    if (index < firstSymbol) return false;
    const symbols = this.fileOffset(this.dynamicValue(TAG.symbolTable));
    const strings = this.fileOffset(this.dynamicValue(TAG.stringTable));
    for (let left = LONGEST_CHAIN; left > 0; left--, index++) {
      const hash = this.readWords(chains + (index - firstSymbol) * 4, 1)[0]!;
      if ((hash | 1) >>> 0 === (wanted | 1) >>> 0) {
        const symbol = this.read(symbols + index * 24, 24);
        const defined = symbol.readUInt16LE(6) !== 0;
        if (defined && this.readText(strings + symbol.readUInt32LE(0)) === name) return true;
      }
      if (hash & 1) return false;
    }
    throw new RangeError('a hash chain of the ELF file has no end');
  }

  private tableShape(at: number): { entrySize: number; count: number } {
    return { entrySize: this.header.readUInt16LE(at), count: this.header.readUInt16LE(at + 2) };
  }

  private programHeaders() {
    const { entrySize, count } = this.tableShape(54);
    const table = this.read(Number(this.header.readBigUInt64LE(32)), entrySize * count);
    return Array.from({ length: count }, (_, index) => {
      const at = index * entrySize;
      return {
        type: table.readUInt32LE(at),
        offset: Number(table.readBigUInt64LE(at + 8)),
        address: Number(table.readBigUInt64LE(at + 16)),
        fileSize: Number(table.readBigUInt64LE(at + 32)),
      };
    });
  }

  private dynamicTable(): { tag: number; value: number }[] {
    if (this.dynamicEntries !== undefined) return this.dynamicEntries;
    const segment = this.programHeaders().find(({ type }) => type === PROGRAM_DYNAMIC);
    const table = segment === undefined ? Buffer.alloc(0) : this.read(segment.offset, segment.fileSize);
    const entries: { tag: number; value: number }[] = [];
    for (let at = 0; at + 16 <= table.length; at += 16) {
      const tag = Number(table.readBigUInt64LE(at));
      if (tag === 0) break;
      entries.push({ tag, value: Number(table.readBigUInt64LE(at + 8)) });
    }
    return (this.dynamicEntries = entries);
  }

  private dynamicValue(tag: number): number {
    return this.dynamicTable().find((entry) => entry.tag === tag)?.value ?? 0;
  }

  private fileOffset(address: number): number {
    const segment = this.programHeaders().find(
      (s) => s.type === PROGRAM_LOAD && address >= s.address && address < s.address + s.fileSize,
    );
    return segment === undefined ? this.size : address - segment.address + segment.offset;
  }

  private read(offset: number, length: number): Buffer {
    if (length > LARGEST_TABLE) throw new RangeError('an ELF table is larger than any real one');
    const buffer = Buffer.alloc(length);
    if (readSync(this.descriptor, buffer, 0, length, offset) < length) throw new RangeError('the file ends early');
    return buffer;
  }

  private readWords(offset: number, count: number): number[] {
    const bytes = this.read(offset, count * 4);
    return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(index * 4));
  }

  private readText(offset: number): string {
    // The search path of TensorFlow's CUDA build alone has tens of thousands of characters.
    for (let room = 256; ; room *= 16) {
      const bytes = Buffer.alloc(room);
      const length = readSync(this.descriptor, bytes, 0, room, offset);
      const end = bytes.subarray(0, length).indexOf(0);
      if (end >= 0 || length < room) return bytes.toString('utf8', 0, end < 0 ? length : end);
      if (room > LONGEST_TEXT) throw new RangeError('an ELF string is longer than any real one');
    }
  }
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (const byte of Buffer.from(name)) hash = (Math.imul(hash, 33) + byte) >>> 0;
  return hash;
}
