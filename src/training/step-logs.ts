import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Gate } from './gate.js';
import type { Trainable } from './trainable.js';

type StepLogs = Readonly<Record<string, Tensor>>;

/** Refuses what a model's own step returned where it cannot be logged. */
export function checkLogs(model: Trainable, logs: unknown): asserts logs is StepLogs {
  const received = problemOf(logs);
  if (received === undefined) return;
  const isPromise = logs instanceof Promise;
  // Nobody awaits it, and what it may fail with would end the process.
  if (isPromise) logs.catch(() => {});
  throw new SetupError('step-logs', {
    where: `trainStep of ${model.describe()}`,
    expected: 'an object with a scalar tensor for each number to log, such as { loss }',
    received,
    fix: fixOf(received, isPromise),
  });
}

/** Logs as float32; NaN, all of them, for a step that was kept from changing state. */
export function gateLogs(logs: StepLogs, gate: Gate): Record<string, Tensor> {
  const gated = (value: Tensor): Tensor => {
    const float = tf.cast(value, 'float32');
    return gate === null ? float : tf.where(gate, float, tf.scalar(NaN));
  };
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [name, gated(value)]));
}

const DISPOSED = 'a tensor that was disposed';

function fixOf(received: string, isPromise: boolean): string {
  if (isPromise) return 'make trainStep synchronous';
  return received.endsWith(DISPOSED)
    ? 'what a function given to minimize makes lives until it returns: keep it there, with step.call.keep(tensor)'
    : 'return { loss: step.minimize(...) }';
}

function problemOf(logs: unknown): string | undefined {
  if (logs instanceof Promise) return 'a promise';
  const isRecord = typeof logs === 'object' && logs !== null && !(logs instanceof tf.Tensor) && !Array.isArray(logs);
  if (!isRecord) return formatValue(logs);
  for (const [name, value] of Object.entries(logs)) {
    if (!(value instanceof tf.Tensor)) return `${name}: ${formatValue(value)}`;
    if (value.isDisposed) return `${name}: ${DISPOSED}`;
    if (value.size !== 1) return `${name}: a tensor of shape ${formatShape(value.shape)}`;
    if (value.dtype === 'string' || value.dtype === 'complex64') return `${name}: a tensor of type ${value.dtype}`;
  }
  return undefined;
}
