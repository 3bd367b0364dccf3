import { StateError } from '../core/errors.js';

/** One step of a model at a time, in the order of asking; one `fit` at a time. */
export class RunQueue {
  private tail: Promise<void> = Promise.resolve();
  private inFlight = 0;
  private owner: string | undefined;

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

  /** @throws StateError [still-running] where a training or a step is running */
  assertIdle(what: string): void {
    if (this.owner === undefined && this.inFlight === 0) return;
    throw new StateError('still-running', {
      where: `${what} of ${this.describe()}`,
      expected: 'nothing running',
      received: `${what} while ${this.owner ?? 'a step'} is running`,
      fix: 'await it, or end it with an AbortSignal, first',
    });
  }
}
