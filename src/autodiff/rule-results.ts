import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { formatShape } from '../core/shape.js';
import { isFloat64, readFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { offTape } from './off-tape.js';
import { checksRules } from './rule-checks.js';

/** Refuses results that leave a differentiable input out, or name something else. */
export function checkResultNames(label: string, inputs: readonly string[], results: unknown): void {
  const where = `${label}, results of backward`;
  if (typeof results !== 'object' || results === null || results instanceof tf.Tensor || results instanceof Promise) {
    if (results instanceof Promise) results.catch(() => {});
    throw new GradientError('rule-result', {
      where,
      expected: `an object with a function for each of ${inputs.map((name) => `"${name}"`).join(', ')}`,
      received: formatValue(results),
      fix: `return e.g. { ${inputs[0] ?? 'x'}: () => gradient }`,
    });
  }
  const given = Object.keys(results);
  const unknown = given.find((name) => !inputs.includes(name));
  if (unknown !== undefined) {
    throw new GradientError('rule-unknown-input', {
      where,
      expected: 'the names of differentiable inputs',
      received: JSON.stringify(unknown),
      fix: didYouMean(unknown, inputs),
    });
  }
  for (const name of inputs) {
    const result = (results as Record<string, unknown>)[name];
    if (typeof result === 'function') continue;
    throw new GradientError('rule-incomplete', {
      where: `${label}, gradient by input "${name}"`,
      expected: `a function under the key "${name}"`,
      received: result === undefined ? `results for ${given.join(', ') || 'no input'}` : formatValue(result),
      fix: `return ${name}: () => gradient, or declare nonDifferentiable: ['${name}']`,
    });
  }
}

/** Refuses a gradient that does not fit its input. */
export function checkResult(label: string, name: string, input: Tensor, gradient: Tensor, cotangent: Tensor): void {
  const where = `${label}, gradient by input "${name}"`;
  if (!((gradient as unknown) instanceof tf.Tensor)) {
    if ((gradient as unknown) instanceof Promise) (gradient as unknown as Promise<unknown>).catch(() => {});
    throw new GradientError('rule-result', { where, expected: 'a tensor', received: formatValue(gradient) });
  }
  if (gradient.isDisposed) {
    throw new GradientError('rule-result', {
      where,
      expected: 'a living tensor',
      received: 'a disposed tensor',
      fix: 'compute what several results share in the body of backward, not in the first of them that is called',
    });
  }
  if (gradient.dtype !== 'float32') {
    throw new GradientError('rule-dtype', { where, expected: 'dtype float32', received: `dtype ${gradient.dtype}` });
  }
  if (!tf.util.arraysEqual(gradient.shape, input.shape)) {
    throw new GradientError('rule-shape', {
      where,
      expected: `the input's shape ${formatShape(input.shape)}`,
      received: `shape ${formatShape(gradient.shape)}`,
      fix: 'sum over the axes that were broadcast, or reshape',
    });
  }
  if (checksRules() && firstNotFinite(cotangent) === undefined) {
    const bad = firstNotFinite(gradient);
    if (bad === undefined) return;
    throw new GradientError('rule-not-finite', {
      where,
      expected: 'a finite gradient of a finite cotangent',
      received: `${bad.value} at element [${bad.index.join(', ')}]`,
      fix: 'guard the division, root or logarithm in backward, e.g. with tf.where() or tf.divNoNan()',
    });
  }
}

function firstNotFinite(tensor: Tensor): { value: number; index: number[] } | undefined {
  const values = offTape(() => (isFloat64() ? readFloat64(tensor) : tensor.dataSync()));
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return undefined;
  const index: number[] = [];
  let rest = at;
  for (const size of [...tensor.shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return { value: values[at]!, index };
}
