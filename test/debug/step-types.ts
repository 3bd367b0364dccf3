export type { StepContext } from '../../src/training/step-context.js';
export type { DeviceBatch as StepBatch } from '../../src/training/device-batch.js';
