import { untilAborted } from './until-aborted.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** What a shell reports of a process that a signal ended is 128 and the signal's number. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;
type Signal = (typeof SIGNALS)[number];

/** Listens for SIGTERM and SIGINT while a run that makes checkpoints goes on: the first ends the run, the second the process. */
export class Interruption {
  private readonly ending = new AbortController();
  private received = false;
  private readonly listeners = SIGNALS.map((signal) => [signal, () => this.receive(signal)] as const);

  /** @param onFirst - called with the first signal; returns whether that ends the run, which may have come to its end by itself */
  constructor(private readonly onFirst: (signal: Signal) => boolean) {
    for (const [signal, listener] of this.listeners) process.on(signal, listener);
  }

  /** Aborted where a signal ends the run. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** What `work` resolves to; `null` where a signal ends the run before. */
  async until<T>(work: Promise<T>): Promise<T | null> {
    const { signal } = this;
    try {
      const done = await untilAborted(work, signal);
      return signal.aborted ? null : done;
    } catch (error) {
      if (signal.aborted && error === signal.reason) return null;
      throw error;
    }
  }

  /** Removes the listeners. */
  stop(): void {
    for (const [signal, listener] of this.listeners) process.off(signal, listener);
  }

  private receive(signal: Signal): void {
    if (!this.received) {
      this.received = true;
      if (this.onFirst(signal)) this.ending.abort(new Error(signal));
      return;
    }
    this.stop();
    // As the signal would have ended it, where nobody else listens.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    else process.exit(EXIT_CODES[signal]);
  }
}
