import type { CallbackContract } from './callback-contract.js';

/** Which callbacks make checkpoints, and after which steps. */
export class CheckpointSchedule {
  private readonly saving: readonly { readonly callback: CallbackContract; readonly everySteps: number | null }[];

  constructor(callbacks: readonly CallbackContract[]) {
    // Those that keep a state come first: what they decide on, such as a new best value, belongs in the others' checkpoints.
    const stateful = callbacks.filter(({ saveState }) => saveState !== undefined);
    this.saving = [...new Set([...stateful, ...callbacks])].flatMap((callback) => {
      const { checkpoints } = callback;
      return checkpoints === undefined ? [] : [{ callback, everySteps: checkpoints.everySteps }];
    });
  }

  /** Those that make checkpoints at all. */
  get callbacks(): readonly CallbackContract[] {
    return this.saving.map(({ callback }) => callback);
  }

  /** @param totalSteps - steps done since `compile` */
  due(totalSteps: number): readonly CallbackContract[] {
    return this.saving
      .filter(({ everySteps }) => everySteps !== null && totalSteps % everySteps === 0)
      .map(({ callback }) => callback);
  }

  /** Steps up to the next one after which a checkpoint is due. */
  stepsTogether(totalSteps: number): number {
    const waits = this.saving.map(({ everySteps }) =>
      everySteps === null ? Infinity : everySteps - (totalSteps % everySteps),
    );
    return Math.min(Infinity, ...waits);
  }
}
