import { afterAll, describe, expect, it } from '@jest/globals';
import { TraceError } from '../../../src/core/errors.js';
import { RecordedFunction } from '../../../src/engine/record/recorded-function.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';
import type { KernelCase, KernelInputs } from '../../helpers/kernel-case.js';
import { KERNEL_CASES } from '../../helpers/kernel-cases.js';
import { alive, bitsOf } from '../../helpers/recording.js';

useTestEngine();

/** Kernels that no recording can hold, with the kind of error that says so. */
const REFUSED: Readonly<Record<string, string>> = {
  NonMaxSuppressionV3: 'dynamic-shape',
  NonMaxSuppressionV5: 'dynamic-shape',
  Unique: 'dynamic-shape',
};

/** Kernels whose results differ in their last bits, with the reason. */
const ROUNDED: Readonly<Record<string, string>> = {
  Softmax: "Grappler's layout pass puts oneDNN's softmax in the place of TensorFlow's own",
};
/** A few units in the last place of float32, of the largest element. */
const ROUNDING = 2e-6;

const names = Object.keys(KERNEL_CASES);
const counts = { equal: 0, rounded: 0, refused: 0 };

function call({ name, inputs, attributes }: { name: string; inputs: KernelInputs; attributes?: object }): Tensor[] {
  const result = tf.engine().runKernel(name, inputs as tf.NamedTensorMap, { ...attributes });
  return ([] as Tensor[]).concat(result as Tensor | Tensor[]);
}

afterAll(() => {
  const refused = Object.entries(REFUSED).map(([name, kind]) => `${name} (${kind})`);
  process.stdout.write(
    `${names.length} kernels recorded: ${counts.equal} equal to the bit, ${counts.rounded} within ${ROUNDING} ` +
      `(${Object.keys(ROUNDED).join(', ')}), ${counts.refused} refused: ${refused.join(', ')}\n`,
  );
});

it('lists kernels that exist', () => {
  for (const name of [...Object.keys(REFUSED), ...Object.keys(ROUNDED)]) expect(names).toContain(name);
});

describe.each(names)('%s', (name) => {
  const { inputs: makeInputs, attributes }: KernelCase = KERNEL_CASES[name]!;

  it('recorded gives what it gives eagerly', async () => {
    const inputs = tf.tidy(() => (makeInputs?.() ?? {}) as tf.TensorContainer) as KernelInputs;
    const run = (): Tensor[] => call({ name, inputs, attributes });
    const fed = Object.values(inputs as Record<string, Tensor>).filter((value) => value instanceof tf.Tensor);
    if (name in REFUSED) {
      const refused = (): RecordedFunction => RecordedFunction.record(name, fed, () => tf.tidy(run));
      expect(refused).toThrow(TraceError);
      expect(refused).toThrow(`[${REFUSED[name]!}]`);
      counts.refused++;
      tf.dispose(inputs);
      return;
    }
    const eager = tf.tidy(run);
    const eagerBits = eager.map(bitsOf);
    // What the kernel does not look at goes to TensorFlow only when it is fed.
    for (const tensor of fed) engine().backend.nativeId(tensor);
    const before = alive();
    const recorded = RecordedFunction.record(name, fed, () => tf.tidy(run));
    const outputs = await recorded.call(fed);
    if (name in ROUNDED) {
      for (const [i, output] of outputs.entries()) expect(relative(output, eager[i]!)).toBeLessThan(ROUNDING);
      counts.rounded++;
    } else {
      expect(outputs.map(bitsOf)).toEqual(eagerBits);
      counts.equal++;
    }
    tf.dispose(outputs);
    recorded.dispose();
    expect(alive()).toEqual(before);
    tf.dispose([eager, inputs as tf.TensorContainer]);
  });
});

function relative(actual: Tensor, wanted: Tensor): number {
  expect([actual.dtype, actual.shape]).toEqual([wanted.dtype, wanted.shape]);
  const [a, b] = [actual.dataSync(), wanted.dataSync()];
  const scale = Math.max(...Array.from(b, Math.abs), Number.MIN_VALUE);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!) / scale));
}
