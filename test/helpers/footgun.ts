import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ProgressBar } from '../../src/callbacks/progress-bar.js';
import { createAdjoint } from '../../src/container.js';
import { TraceError } from '../../src/core/errors.js';
import { engine } from '../../src/engine/start-engine.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { Sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import type { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import type { Execution } from '../../src/training/training-plan.js';
import { useTestEngine } from './engine.js';
import { alive } from './recording.js';
import { textStream } from './text-stream.js';

/** Comment at the line of a test file that the error has to name. */
const MARK = 'the line';

export interface Footgun {
  /** Makes the layer that does it, called `guilty` in the model. */
  readonly layer?: () => BaseLayer;
  /** Makes the optimizer that does it. */
  readonly optimizer?: () => BaseOptimizer;
  /** The error's kind. */
  readonly kind: string;
  readonly received: RegExp;
  readonly fix: RegExp;
  /** `import.meta.url` of the test, one of whose lines ends in `// the line`. */
  readonly file: string;
  /** Whether eager steps differ from run to run, so that losses cannot be compared. */
  readonly random?: boolean;
}

const ROWS = 10;
const X = Array.from({ length: ROWS }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i)]);
const Y = X.map(([a, b]) => [a! - b!]);
const EPOCHS = 2;

/** A model and what it said; `layer` stands between two dense layers. */
export function makeModel(
  execution: Execution,
  layer?: () => BaseLayer,
  optimizer: BaseOptimizer = new Adam({ learningRate: 0.01 }),
): { model: BaseModel; warnings: string[] } {
  const warnings: string[] = [];
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
  const middle = layer === undefined ? [] : [layer()];
  const model = createAdjoint({ logger }).create(
    () => new Sequential([layers.dense({ units: 3 }), ...middle, layers.dense({ units: 1 })], { name: 'net' }),
  );
  model.compile({ optimizer, loss: 'meanSquaredError', seed: 3, execution });
  return { model, warnings };
}

export async function losses(model: BaseModel, epochs = EPOCHS): Promise<number[]> {
  return (await model.fit(X, Y, { epochs, batchSize: 5, verbose: 0 })).history.loss!;
}

/** `path:line` of the marked line of a file. */
export function markedLine(file: string): string {
  const path = fileURLToPath(file);
  const lines = readFileSync(path, 'utf8').split('\n');
  return `${path}:${lines.findIndex((line) => line.endsWith(`// ${MARK}`)) + 1}:`;
}

function weightsOf(model: BaseModel): number[][] {
  return model.getWeights().map((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

/** What every mistake that cannot be recorded must lead to. */
export function footgunContract(name: string, footgun: Footgun): void {
  const { layer, optimizer, kind, received, fix, file, random = false } = footgun;
  const make = (execution: Execution) => makeModel(execution, layer, optimizer?.());

  describe(name, () => {
    useTestEngine();

    it("under 'recorded' stops with an error that names layer, line, cause and way out", async () => {
      const { model, warnings } = make('recorded');
      const thrown = await losses(model).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(TraceError);
      const error = thrown as TraceError;
      expect(error.kind).toBe(kind);
      if (layer !== undefined) expect(error.where).toContain('layer "guilty"');
      expect(error.where).toContain(` at ${markedLine(file)}`);
      expect(error.received).toMatch(received);
      expect(error.fix).toMatch(fix);
      expect(error.fix).toContain("execution: 'eager'");
      expect(warnings).toEqual([]);
      model.dispose();
    });

    it('leaves the model as it was, and usable', async () => {
      const { model } = make('recorded');
      model.build([null, 3], 3);
      const weights = weightsOf(model);
      const { binding } = engine().backend;
      await expect(losses(model)).rejects.toThrow(TraceError);
      const before = alive();
      await expect(losses(model)).rejects.toThrow(TraceError);
      expect(alive()).toEqual(before);
      expect(engine().backend.binding).toBe(binding);
      expect(weightsOf(model)).toEqual(weights);
      model.compile({ optimizer: optimizer?.() ?? 'adam', loss: 'meanSquaredError', execution: 'eager' });
      expect((await losses(model)).every(Number.isFinite)).toBe(true);
      model.dispose();
    });

    it("under 'auto' runs eagerly after one warning, and says so", async () => {
      const { model, warnings } = make('auto');
      const stream = textStream();
      const { history, mode } = await model.fit(X, Y, {
        epochs: EPOCHS,
        batchSize: 5,
        callbacks: [new ProgressBar({ stream })],
      });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('op by op');
      expect(warnings[0]).toContain(`TraceError [${kind}]`);
      expect(mode).toEqual(['eager', 'eager']);
      expect(stream.text()).toMatch(/^Epoch 1\/2 .*\(eager\)$/m);
      const eager = make('eager');
      if (!random) expect(history.loss).toEqual(await losses(eager.model));
      expect(eager.warnings).toEqual([]);
      await losses(model);
      expect(warnings).toHaveLength(1);
      model.dispose();
      eager.model.dispose();
    });
  });
}
