import { StateError } from '../core/errors.js';

/** One step of a model at a time, in the order of asking; one `fit` at a time. */
export class RunQueue {
  private tail: Promise<void> = Promise.resolve();
  private inFlight = 0;
  private owner: string | undefined;
  private readonly others = new Map<string, number>();

  /** @param describe - how errors name the model */
  constructor(private readonly describe: () => string) {}

  /** Runs one step when all that was asked for before it is done. */
  async step<T>(fn: () => Promise<T>): Promise<T> {
    const before = this.tail;
    let release!: () => void;
    this.tail = new Promise((resolve) => (release = resolve));
    await before;
    this.inFlight++;
    try {
      return await fn();
    } finally {
      this.inFlight--;
      release();
    }
  }

  /**
   * Runs a whole training, of which there is one at a time; its steps still go through {@link RunQueue.step}.
   *
   * @throws StateError [already-training]
   */
  async exclusive<T>(what: string, fn: () => Promise<T>): Promise<T> {
    if (this.owner !== undefined) {
      throw new StateError('already-training', {
        where: `${what} of ${this.describe()}`,
        expected: 'one training at a time',
        received: `${what} while ${this.owner} is running`,
        fix: `await the running ${this.owner} first`,
      });
    }
    this.owner = what;
    try {
      return await fn();
    } finally {
      this.owner = undefined;
    }
  }

  /** Runs something that may go on beside a training, and during which the model must stay: an evaluation. */
  async shared<T>(what: string, fn: () => Promise<T>): Promise<T> {
    this.others.set(what, (this.others.get(what) ?? 0) + 1);
    try {
      return await fn();
    } finally {
      const left = this.others.get(what)! - 1;
      if (left > 0) this.others.set(what, left);
      else this.others.delete(what);
    }
  }

  /** @throws StateError [step-in-flight] where a step is running at this moment */
  assertBetweenSteps(what: string): void {
    if (this.inFlight === 0) return;
    throw new StateError('step-in-flight', {
      where: `${what} of ${this.describe()}`,
      expected: 'no step running',
      received: 'a synchronous write while a step is running',
      fix: `await the running call first, or do it in a callback's hook`,
    });
  }

  /** @throws StateError [still-running] where anything is running */
  assertIdle(what: string): void {
    const running = this.owner ?? [...this.others.keys()][0] ?? (this.inFlight > 0 ? 'a step' : undefined);
    if (running === undefined) return;
    throw new StateError('still-running', {
      where: `${what} of ${this.describe()}`,
      expected: 'nothing running',
      received: `${what} while ${running} is running`,
      fix: 'await it, or end it with an AbortSignal, first',
    });
  }
}
