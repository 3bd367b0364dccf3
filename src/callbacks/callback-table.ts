import { Backup } from './backup.js';
import type { BaseCallback } from './callback.js';
import { EarlyStopping } from './early-stopping.js';
import { History } from './history.js';
import { LambdaCallback } from './lambda-callback.js';
import { LearningRateScheduler } from './learning-rate-scheduler.js';
import { ModelCheckpoint } from './model-checkpoint.js';
import { ProgressBar } from './progress-bar.js';
import { ReduceLROnPlateau } from './reduce-lr-on-plateau.js';
import { TerminateOnNaN } from './terminate-on-nan.js';

/** A class that makes a callback from options. */
export type CallbackClass = new (options?: object) => BaseCallback<object>;

/** Callbacks that a registry finds by short name. */
export const callbackTable: Readonly<Record<string, CallbackClass>> = {
  backup: Backup,
  earlyStopping: EarlyStopping,
  history: History,
  lambdaCallback: LambdaCallback,
  learningRateScheduler: LearningRateScheduler,
  modelCheckpoint: ModelCheckpoint,
  progressBar: ProgressBar,
  reduceLROnPlateau: ReduceLROnPlateau,
  terminateOnNaN: TerminateOnNaN,
};
