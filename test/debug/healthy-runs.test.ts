import { describe, expect, it } from '@jest/globals';
import { ActivationMonitor } from '../../src/debug/activation-monitor.js';
import { DeadUnits } from '../../src/debug/dead-units.js';
import { GradientMonitor } from '../../src/debug/gradient-monitor.js';
import { LeakGuard } from '../../src/debug/leak-guard.js';
import { RetraceGuard } from '../../src/debug/retrace-guard.js';
import { SaturationMonitor } from '../../src/debug/saturation-monitor.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';
import { MODES, rowsOf, scattered } from '../helpers/models.js';

interface Run {
  readonly make: () => BaseModel;
  readonly data: () => { x: number[][]; y: number[] | number[][] };
  readonly loss: 'meanSquaredError' | 'sparseCategoricalCrossentropy' | 'binaryCrossentropy';
}

const rows = 256;
const noisy = () => {
  const x = rowsOf(rows, 8);
  const noise = scattered(rows, 7);
  return { x, y: x.map(([a, b], i) => [a! - b! + 3 * noise[i]!]) };
};
const sparse = () => {
  const x = rowsOf(rows, 64).map((row) => row.map((value) => (value > 0.97 ? 1 : 0)));
  return { x, y: x.map((row) => (row.slice(0, 32).includes(1) ? 1 : 0)) };
};

const RUNS: Readonly<Record<string, Run>> = {
  'a noisy loss': {
    make: () => sequential([layers.dense({ units: 32, activation: 'relu' }), layers.dense({ units: 1 })]),
    data: noisy,
    loss: 'meanSquaredError',
  },
  'sparse inputs': {
    make: () =>
      sequential([layers.dense({ units: 32, activation: 'relu' }), layers.dense({ units: 2, activation: 'softmax' })]),
    data: sparse,
    loss: 'sparseCategoricalCrossentropy',
  },
  'a deep net with residuals and normalisation': {
    make: () =>
      sequential([
        layers.dense({ units: 16 }),
        ...Array.from({ length: 6 }, () =>
          layers.residual({
            body: sequential([layers.batchNormalization(), layers.dense({ units: 16, activation: 'relu' })]),
          }),
        ),
        layers.dropout({ rate: 0.2 }),
        layers.dense({ units: 1 }),
      ]),
    data: noisy,
    loss: 'meanSquaredError',
  },
  'a frozen layer': {
    make: () => {
      const model = sequential([
        layers.dense({ units: 32, activation: 'tanh' }),
        layers.dense({ units: 32, activation: 'tanh' }),
        layers.dense({ units: 1 }),
      ]);
      model.getLayer('dense').trainable = false;
      return model;
    },
    data: noisy,
    loss: 'meanSquaredError',
  },
  'a net that learns by heart': {
    make: () =>
      sequential([
        layers.dense({ units: 128, activation: 'relu' }),
        layers.dense({ units: 128, activation: 'relu' }),
        layers.dense({ units: 2, activation: 'softmax' }),
      ]),
    data: () => ({ x: rowsOf(64, 8), y: Array.from({ length: 64 }, (_, i) => (i * i) % 2) }),
    loss: 'sparseCategoricalCrossentropy',
  },
};

describe.each(MODES)('healthy runs, %s', (execution) => {
  useTestEngine();

  it.each(Object.entries(RUNS))('raise no alarm: %s', async (_, { make, data, loss }) => {
    const { made: model, warnings } = heard(make);
    model.compile({ optimizer: 'adam', loss, execution, seed: 4 });
    const { x, y } = data();
    const monitors = [GradientMonitor, ActivationMonitor, DeadUnits, SaturationMonitor].map(
      (monitor) => new monitor({ every: 2 }),
    );
    const guards = [new LeakGuard(), new RetraceGuard()];
    await model.fit(x, y, { batchSize: 32, epochs: 12, verbose: 0, callbacks: [...monitors, ...guards] });
    for (const { findings } of [...monitors, ...guards]) expect(findings).toEqual([]);
    expect(warnings).toEqual([]);
    model.dispose();
  });
});
