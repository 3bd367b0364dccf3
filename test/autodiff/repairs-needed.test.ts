import { afterAll, describe, expect, it } from '@jest/globals';
import { installAutodiff } from '../../src/autodiff/install-autodiff.js';
import { installTapeRepairs } from '../../src/autodiff/tape-repair.js';
import { inFloat64 } from '../../src/engine/float64.js';
import { onEngineStart, startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { allCases } from '../gradients/all-cases.js';
import { eagerSlopes, numericSlopes, relativeError, type Order, type Slopes } from '../gradients/differentiate.js';
import { caseId, type GradientCase } from '../gradients/gradient-case.js';

/** Double precision: a right rule is off by 1e-10 of rounding, a missing half of a derivative by a tenth and more. */
const RIGHT = 1e-7;
const SURELY_WRONG = 1e-3;
/** Bigger cases run the same rules on more elements. */
const MOST_ELEMENTS = 40;

/** Where a kernel keeps its output, its second order is a wrong number without the repairs. */
const WRONG_IN_SILENCE = [
  'kernel Exp away',
  'kernel Sigmoid away',
  'kernel Softmax away',
  'kernel Tanh away',
  'own kernel LogSoftmax away',
  'op logSoftmax away',
  'op sigmoid away',
  'op softmax away',
  'op softmaxCrossEntropy away',
  'op sparseSoftmaxCrossEntropy away',
  'op swish inside a product away',
  'op mish inside a product away',
  'activation silu away',
  'activation sigmoid away',
  'activation tanh away',
  'activation softmax away',
  'activation logSoftmax away',
  'loss CategoricalCrossentropy, from logits away',
  'loss SparseCategoricalCrossentropy, from logits away',
];

/** Where a comparison stands between an input and the result, or in a rule, the tape breaks without the repairs. */
const REFUSED: Readonly<Record<Order, readonly string[]>> = {
  1: ['op tf.where(tf.greater) away', 'op tf.logicalXor gate away', 'op tf.losses.computeWeightedLoss away'],
  2: [
    'kernel ClipByValue away',
    'kernel LeakyRelu away',
    'kernel Max away',
    'kernel Maximum away',
    'kernel Min away',
    'kernel Minimum away',
    'kernel Pow away',
    'kernel Prelu away',
    'kernel Relu6 away',
    'op tf.logSumExp away',
    'op tf.losses.huberLoss away',
    'activation leakyRelu away',
    'loss BinaryCrossentropy, from probabilities away',
    'loss CategoricalCrossentropy, from probabilities away',
  ],
};

onEngineStart(installAutodiff);
startEngine();
const cases = new Map(allCases().map((gradientCase) => [caseId(gradientCase), gradientCase]));

function withoutRepairs<T>(body: () => T): T {
  installTapeRepairs().remove();
  try {
    return body();
  } finally {
    installTapeRepairs();
  }
}

function inputsOf({ inputs }: GradientCase): Tensor[] {
  return tf.tidy(() => inputs() as unknown as tf.TensorContainer) as unknown as Tensor[];
}

/** What the repaired tape gives, which must agree with differences, and what tfjs's own gives. */
function bothWays(id: string, order: Order): { repaired: Slopes; own: () => Slopes } {
  const gradientCase = cases.get(id)!;
  const { fn } = gradientCase;
  const inputs = inputsOf(gradientCase);
  const slopes = (): Slopes => inFloat64(() => eagerSlopes(fn, inputs, order));
  const repaired = slopes();
  expect(
    relativeError(
      repaired,
      inFloat64(() => numericSlopes(fn, inputs, order)),
    ),
  ).toBeLessThan(RIGHT);
  return { repaired, own: () => withoutRepairs(slopes) };
}

describe('without the tape repairs', () => {
  it.each(WRONG_IN_SILENCE)('the second order is wrong in silence: %s', (id) => {
    const { repaired, own } = bothWays(id, 2);
    expect(relativeError(own(), repaired)).toBeGreaterThan(SURELY_WRONG);
  });

  it.each(REFUSED[1])('the first order is refused: %s', (id) => {
    expect(bothWays(id, 1).own).toThrow(/gradient function not found/);
  });

  it.each(REFUSED[2])('the second order is refused: %s', (id) => {
    expect(bothWays(id, 2).own).toThrow(/gradient function not found/);
  });
});

describe('with the repairs back', () => {
  it('everything is as it was', () => {
    const { repaired } = bothWays('kernel Exp away', 2);
    expect(relativeError(bothWays('kernel Exp away', 2).repaired, repaired)).toBe(0);
  });
});

/** Runs every small case both ways, for the record. */
afterAll(() => {
  const lost = { wrong: 0, refused: 0, same: 0 };
  for (const gradientCase of cases.values()) {
    const inputs = inputsOf(gradientCase);
    const size = inputs.reduce((sum, input) => sum + input.size, 0);
    if (gradientCase.kind === 'layer' || size > MOST_ELEMENTS) continue;
    const slopes = (): Slopes[] =>
      ([1, 2] as const).map((order) => inFloat64(() => eagerSlopes(gradientCase.fn, inputs, order)));
    let repaired: Slopes[];
    try {
      repaired = slopes();
    } catch {
      continue;
    }
    try {
      const own = withoutRepairs(slopes);
      lost[own.every((part, i) => relativeError(part, repaired[i]!) <= RIGHT) ? 'same' : 'wrong']++;
    } catch {
      lost.refused++;
    }
    tf.dispose(inputs);
  }
  process.stdout.write(
    `without the tape repairs: ${lost.wrong} cases wrong in silence, ${lost.refused} refused, ${lost.same} as before\n`,
  );
});
