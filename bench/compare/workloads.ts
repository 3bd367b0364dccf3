import type { NetworkLayer } from './network.js';

/** A network, its data and its step. */
export interface Workload {
  readonly key: string;
  readonly title: string;
  /** Shape of one example. */
  readonly input: readonly number[];
  readonly classes: number;
  readonly batch: number;
  /**
   * Examples on which the frameworks' gradients are compared. A relu whose input is a rounding error away from 0 may open
   * in one framework and not in the other; in a deep net over a whole batch that alone moves gradients by 1e-2, away from
   * float64 in every framework alike.
   */
  readonly checked: number;
  /** Steps in one pass over the data. */
  readonly stepsPerEpoch: number;
  readonly network: readonly NetworkLayer[];
}

const LEARNING_RATE = 1e-3;

/** Adam as Keras has it by default; every framework is given these numbers. */
export const ADAM = { learningRate: LEARNING_RATE, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

export const conv = (
  filters: number,
  relu: boolean,
  options: { bias?: boolean; stride?: number } = {},
): NetworkLayer => ({
  kind: 'conv',
  filters,
  size: 3,
  stride: options.stride ?? 1,
  bias: options.bias ?? true,
  relu,
});
export const dense = (units: number, relu = true): NetworkLayer => ({ kind: 'dense', units, relu });
const pool: NetworkLayer = { kind: 'maxPool', size: 2 };

/** Two normalised convolutions around which the input is added. */
export function residualBlock(filters: number, stride: number, project: boolean): NetworkLayer[] {
  const body: NetworkLayer[] = [
    conv(filters, false, { bias: false, stride }),
    { kind: 'norm' },
    { kind: 'relu' },
    conv(filters, false, { bias: false }),
    { kind: 'norm' },
  ];
  return [{ kind: 'residual', body, project }, { kind: 'relu' }];
}

/** ResNet-20 for 32x32 images: He et al., "Deep residual learning for image recognition", section 4.2. */
function resnet20(): NetworkLayer[] {
  const stages = [16, 32, 64].flatMap((filters, stage) =>
    [0, 1, 2].flatMap((block) => {
      const isTransition = stage > 0 && block === 0;
      return residualBlock(filters, isTransition ? 2 : 1, isTransition);
    }),
  );
  const stem: NetworkLayer[] = [conv(16, false, { bias: false }), { kind: 'norm' }, { kind: 'relu' }];
  return [...stem, ...stages, { kind: 'globalPool' }, dense(10, false)];
}

/** The workloads, by the key under which their times are reported. */
export const workloads: readonly Workload[] = [
  {
    key: 'mnist-cnn',
    title: 'CNN on 28x28 images: conv32, pool, conv64, pool, dense128, dense10; batch 128',
    input: [28, 28, 1],
    classes: 10,
    batch: 128,
    checked: 128,
    stepsPerEpoch: 20,
    network: [conv(32, true), pool, conv(64, true), pool, { kind: 'flatten' }, dense(128), dense(10, false)],
  },
  {
    key: 'mlp-small',
    title: 'MLP 784-32-10; batch 32',
    input: [784],
    classes: 10,
    batch: 32,
    checked: 32,
    stepsPerEpoch: 500,
    network: [dense(32), dense(10, false)],
  },
  {
    key: 'mlp-deep',
    title: 'MLP with 8 hidden layers of 1024; batch 256',
    input: [1024],
    classes: 10,
    batch: 256,
    checked: 16,
    stepsPerEpoch: 8,
    network: [...Array.from({ length: 8 }, () => dense(1024)), dense(10, false)],
  },
  {
    key: 'resnet20',
    title: 'ResNet-20 on 32x32x3 images; batch 64',
    input: [32, 32, 3],
    classes: 10,
    batch: 64,
    checked: 4,
    stepsPerEpoch: 8,
    network: resnet20(),
  },
];

export function workloadOf(key: string): Workload {
  const found = workloads.find((workload) => workload.key === key);
  if (found === undefined)
    throw new Error(`no workload "${key}"; known: ${workloads.map((known) => known.key).join(', ')}`);
  return found;
}
