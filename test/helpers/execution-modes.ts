import { checkpoint } from '../../src/autodiff/checkpoint.js';
import { noGrad } from '../../src/autodiff/no-grad.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { FLOAT32_TOLERANCE } from './close.js';

/** Runs a computation of tensors and reads its results; the inputs stay the caller's. */
export type Execute = (compute: (...inputs: Tensor[]) => Tensor[], inputs: readonly Tensor[]) => Promise<number[][]>;

const eager: Execute = async (compute, inputs) =>
  readAll(
    tf.tidy(() => compute(...inputs)),
    (tensor) => [...tensor.dataSync()],
  );

const float64: Execute = async (compute, inputs) =>
  inFloat64(() => {
    const copies = inputs.map((input) => tf.tensor(input.dataSync(), input.shape, input.dtype));
    const results = readAll(
      tf.tidy(() => compute(...copies)),
      (tensor) => [...readFloat64(tensor)],
    );
    tf.dispose(copies);
    return results;
  });

const asRecorded: Execute = async (compute, inputs) => {
  const graph = recorded((...given: Tensor[]) => compute(...given));
  try {
    return readAll((await graph(...inputs)) as Tensor[], (tensor) => [...tensor.dataSync()]);
  } finally {
    graph.dispose();
  }
};

/** What a second run under `checkpoint` computes, on the way back to the inputs. */
const checkpointed: Execute = async (compute, inputs) => {
  let latest: Tensor[] = [];
  const keep = (results: Tensor[]): Tensor[] => {
    tf.dispose(latest);
    latest = noGrad(() => results.map((tensor) => tf.keep(tensor.clone())));
    return results;
  };
  const run = checkpoint((...given: Tensor[]) => keep(compute(...given)));
  const { value, gradients } = valueAndGradients(
    () =>
      run(...inputs)
        .filter(({ dtype }) => dtype === 'float32')
        .reduce((sum, tensor) => tf.add(sum, tf.sum(tensor)), tf.scalar(0)),
    inputs.filter(({ dtype }) => dtype === 'float32'),
  );
  tf.dispose([value, ...gradients.filter((gradient) => gradient !== null)]);
  return readAll(latest, (tensor) => [...tensor.dataSync()]);
};

/** Roundings of float64, of 1e-16 each, in sums of a few terms. */
const FLOAT64_TOLERANCE = 1e-13;

/** The ways in which every transformation must give the same: pass to `describe.each`. */
export const MODES: readonly (readonly [name: string, execute: Execute, tolerance: number])[] = [
  ['eager', eager, FLOAT32_TOLERANCE],
  ['recorded', asRecorded, FLOAT32_TOLERANCE],
  ['float64', float64, FLOAT64_TOLERANCE],
  ['checkpointed', checkpointed, FLOAT32_TOLERANCE],
];

function readAll(tensors: readonly Tensor[], read: (tensor: Tensor) => number[]): number[][] {
  const values = tensors.map(read);
  tf.dispose([...tensors]);
  return values;
}
