/** Hears how an installation goes on. */
export interface InstallProgress {
  note(message: string): void;
  /** A phase begins; `total` bytes where that is known. */
  begin(phase: string, total?: number): void;
  /** Bytes of the phase so far. */
  advance(bytes: number): void;
  end(): void;
}
