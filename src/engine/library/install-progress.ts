/** Hears how an installation goes on. */
export interface InstallProgress {
  note(message: string): void;
  /** A phase begins; `total` bytes where that is known. */
  begin(phase: string, total?: number): void;
  /** Bytes of the phase so far. */
  advance(bytes: number): void;
  end(): void;
}

/** `tensorflow_cpu-2.21.0`: what a reader wants to know of a wheel's file name. */
export function shortWheelName(file: string): string {
  return file.split('-').slice(0, 2).join('-');
}
