import { expect } from '@jest/globals';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { checkGradient, checkSecondGradient } from './check-gradient.js';

/** A function of tensors and where it is differentiated, away from kinks. */
export interface DifferentiableCase {
  readonly fn: (...inputs: Tensor[]) => Tensor;
  readonly inputs: () => Tensor[];
}

/** Single precision against double, in the L2 norm: sums of some tens of terms, three derivatives deep. */
const FLOAT32_TOLERANCE = 2e-5;
/** Eager against recorded: only the sums of Grappler's fused kernels round otherwise. */
const RECORDED_TOLERANCE = 2e-6;

const scalarOf = (y: Tensor): Tensor => {
  const weights = Float32Array.from({ length: y.size }, (_, i) => Math.sin(1.3 * i + 0.7) + 0.25);
  return tf.sum(tf.mul(tf.add(y, tf.square(y)), tf.tensor(weights, y.shape)));
};

/** First and second gradients by every float32 input, zeros where there is none. */
function gradientsOf({ fn }: DifferentiableCase, inputs: readonly Tensor[]): Tensor[] {
  const points = inputs.filter(({ dtype }) => dtype === 'float32');
  const filled = (gradients: readonly (Tensor | null)[]) =>
    gradients.map((gradient, i) => gradient ?? tf.zerosLike(points[i]!));
  const first = () => filled(valueAndGradients(() => scalarOf(fn(...inputs)), points).gradients);
  const second = valueAndGradients(() => tf.addN(first().map(scalarOf)), points).gradients;
  return [...first(), ...filled(second)];
}

/** Both orders against differences in double precision. */
export function checkBothOrders({ fn, inputs }: DifferentiableCase): void {
  const at = inputs();
  checkGradient(fn, at);
  checkSecondGradient(fn, at);
  tf.dispose(at);
}

/** The kernels of single precision against those of double precision, or what is composed in their place. */
export function checkSinglePrecision(entry: DifferentiableCase): void {
  tf.tidy(() => {
    const inputs = entry.inputs();
    const reference = inFloat64(() => gradientsOf(entry, inputs).map((gradient) => readFloat64(gradient)));
    const single = gradientsOf(entry, inputs).map((gradient) => gradient.dataSync());
    for (const [i, wanted] of reference.entries()) {
      expect(distance(single[i]!, wanted)).toBeLessThan(FLOAT32_TOLERANCE);
    }
  });
}

/** The same run op by op and run from a recording. */
export async function checkRecorded(entry: DifferentiableCase): Promise<void> {
  const inputs = entry.inputs();
  const run = () => tf.tidy(() => gradientsOf(entry, inputs));
  const eager = run();
  const recorded = RecordedFunction.record('second_order', inputs, run);
  const outputs = await recorded.call(inputs);
  for (const [i, output] of outputs.entries()) {
    expect(distance(output.dataSync(), eager[i]!.dataSync())).toBeLessThan(RECORDED_TOLERANCE);
  }
  recorded.dispose();
  tf.dispose([...inputs, ...eager, ...outputs]);
}

/** Relative, and absolute for what is smaller than one. */
function distance(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const norm = Math.hypot(...Array.from(wanted));
  return Math.hypot(...Array.from(wanted, (value, i) => value - actual[i]!)) / Math.max(1, norm);
}
