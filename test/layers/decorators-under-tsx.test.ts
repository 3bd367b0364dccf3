import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

const PROGRAM = `
import { IsInt, Min } from 'class-validator';
import { installAutodiff } from '../../src/autodiff/install-autodiff.js';
import { onEngineStart, startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child, Layer, Weight } from '../../src/layers/declarations.js';
import { Dense, dense } from '../../src/layers/dense.js';
import { LayerOptions } from '../../src/layers/layer-options.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';

class GateOptions extends LayerOptions {
  /** Width. */
  @IsInt() @Min(1) units!: number;
  /** Slope. */
  @IsInt() slope = 2;
}

@Layer('test/gate', GateOptions)
class Gate extends BaseLayer<GateOptions> {
  @Weight<Gate>((layer, input) => ({ shape: [input.at(-1), layer.options.units], initializer: 'ones' })) kernel!: WeightHandle;
  @Child() head = dense({ units: 1, kernelInitializer: 'ones' });
  @Child() tail?: Dense;
  plain = 7;
  call(x: Tensor, context?: CallContext): Tensor {
    return this.head.call(tf.mul(tf.matMul(x as tf.Tensor2D, this.kernel.value as tf.Tensor2D), this.options.slope), context);
  }
}

class Probe { declared!: number; }

onEngineStart(installAutodiff);
startEngine();
const gate = new Gate({ units: 3 });
const first = tf.tidy(() => Array.from(gate.call(tf.ones([1, 2])).dataSync()));
const failure = (() => { try { new Gate({ units: 0 }); } catch (error) { return (error as Error).message.split('\\n')[0]; } })();
console.log(JSON.stringify({
  definesFields: Object.hasOwn(new Probe(), 'declared'),
  output: first,
  options: { ...gate.options },
  weights: [...gate.ownWeights, ...gate.head.ownWeights].map(({ name, shape }) => [name, shape]),
  children: gate.children().map(([name]) => name),
  plain: gate.plain,
  failure,
}));
gate.dispose();
`;

describe('decorated classes under plain tsx', () => {
  let folder: string;
  beforeAll(() => {
    mkdirSync(join(root, '.cache'), { recursive: true });
    folder = mkdtempSync(join(root, '.cache', 'tsx-'));
    writeFileSync(join(folder, 'program.mts'), PROGRAM);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([false, true])('behave alike with useDefineForClassFields %s', async (useDefineForClassFields) => {
    const tsconfig = join(folder, `tsconfig.${useDefineForClassFields}.json`);
    const compilerOptions = { target: 'ES2022', experimentalDecorators: true, useDefineForClassFields };
    writeFileSync(tsconfig, JSON.stringify({ compilerOptions, include: [folder, join(root, 'src')] }));
    const cli = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [cli, '--tsconfig', tsconfig, join(folder, 'program.mts')],
      { cwd: root },
    );
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      definesFields: useDefineForClassFields,
      output: [12],
      options: { trainable: true, units: 3, slope: 2 },
      weights: [
        ['kernel', [2, 3]],
        ['kernel', [3, 1]],
        ['bias', [1]],
      ],
      children: ['head'],
      plain: 7,
      failure: 'OptionsError [invalid-option] option "units" of layer Gate',
    });
  });
});
