import { layers, sequential, type BaseLayer, type BaseModel } from 'adjoint';

/** Hidden layers of every network. */
export const DEPTH = 30;
const UNITS = 32;
const CLASSES = 10;

/** He's initial weights in all of them: what differs is said by the name. */
const hidden = { units: UNITS, kernelInitializer: 'heNormal' } as const;

/** Ways to build the same depth, by name. */
export const networks: Readonly<Record<string, () => BaseModel>> = {
  sigmoid: () => stack('sigmoid', () => [layers.dense({ ...hidden, activation: 'sigmoid' })]),
  relu: () => stack('relu', () => [layers.dense({ ...hidden, activation: 'relu' })]),
  residual: () =>
    stack('residual', (index) => {
      const dense = layers.dense({ ...hidden, activation: 'sigmoid' });
      // The first brings 784 pixels to 32 units: there is nothing to add it to.
      return [index === 0 ? dense : layers.residual({ body: dense })];
    }),
  'batch-normalisation': () =>
    stack('batch-normalisation', () => [
      layers.dense({ ...hidden, useBias: false }),
      layers.batchNormalization({}),
      layers.activation({ activation: 'sigmoid' }),
    ]),
};

function stack(name: string, make: (index: number) => BaseLayer[]): BaseModel {
  const body = Array.from({ length: DEPTH }, (_, index) => make(index)).flat();
  return sequential([layers.flatten(), ...body, layers.dense({ units: CLASSES, activation: 'logSoftmax' })], { name });
}
