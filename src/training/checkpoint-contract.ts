import type { Logs } from './logs.js';
import type { TrainingSnapshot } from './training-snapshot.js';

/** When a callback wants to be asked for a checkpoint, besides after each epoch and where a signal ends the run. */
export interface CheckpointRequest {
  /** After every so many steps since `compile`; `null`: not between the steps of an epoch. */
  readonly everySteps: number | null;
}

/** A moment at which a checkpoint can be made: no step is running, and every hook of what lies behind was called. */
export interface CheckpointPoint {
  /** Whether it lies between two steps, after `onEpochEnd`, or where SIGTERM or SIGINT ended the run. */
  readonly at: 'step' | 'epoch' | 'interruption';
  /** Index of the epoch that is running or has just ended. */
  readonly epoch: number;
  /** Training steps done since `compile`. */
  readonly totalSteps: number;
  /** The logs of the epoch that has just ended; `null` in mid-epoch. */
  readonly logs: Logs | null;
  /** Whether nothing more will be trained in this run. */
  readonly isLast: boolean;
  /**
   * Takes hold of everything that the run needs to go on from here; cheap, because nothing is copied until it is changed.
   *
   * @internal
   */
  snapshot(): Promise<TrainingSnapshot>;
}
