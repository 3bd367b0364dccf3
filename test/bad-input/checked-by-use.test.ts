import { describe, expect, it } from '@jest/globals';
import { useEngine } from '../../src/engine/start-engine.js';
import { layers } from '../../src/layers/layers.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import { BinaryAccuracy } from '../../src/metrics/binary-accuracy.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { useTestEngine } from '../helpers/engine.js';
import { thrownBy } from '../helpers/models.js';
import { refusal } from '../helpers/refusal.js';

async function refusedCompile(options: object): Promise<string> {
  const model = sequential([layers.dense({ units: 1, inputShape: [3] })], { name: 'digits' });
  try {
    return await refusal(model, () => model.compile(options as Parameters<BaseModel['compile']>[0]));
  } finally {
    model.dispose();
  }
}

const mse = { loss: 'meanSquaredError' };

describe('compile refuses', () => {
  useTestEngine();

  it('a loss that is none', async () => {
    expect(await refusedCompile({ loss: 5 })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "loss" of compile of model "digits"
       expected  a loss, the name of one, or a function of labels and predictions
       received  5
       fix       pass e.g. "meanSquaredError""
    `);
    expect(await refusedCompile({})).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "loss" of compile of model "digits"
       expected  a loss, the name of one, or a function of labels and predictions
       received  undefined
       fix       pass e.g. loss: "meanSquaredError""
    `);
    expect(await refusedCompile({ loss: MeanSquaredError })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "loss" of compile of model "digits"
       expected  a loss, the name of one, or a function of labels and predictions
       received  the class MeanSquaredError
       fix       write new MeanSquaredError()"
    `);
    expect(await refusedCompile({ loss: new Adam() })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "loss" of compile of model "digits"
       expected  a loss, the name of one, or a function of labels and predictions
       received  an Adam
       fix       pass e.g. "meanSquaredError""
    `);
  });

  it('an unknown loss, optimizer or metric, with the nearest names', async () => {
    expect(await refusedCompile({ loss: 'meanSquareError' })).toMatchInlineSnapshot(`
     "LookupError [unknown-name] option "loss" of compile of model "digits"
       expected  the name of a registered loss
       received  "meanSquareError"
       fix       did you mean "meanSquaredError"?"
    `);
    expect(await refusedCompile({ ...mse, optimizer: 'adm' })).toMatchInlineSnapshot(`
     "LookupError [unknown-name] option "optimizer" of compile of model "digits"
       expected  the name of a registered optimizer
       received  "adm"
       fix       did you mean "adam" or "adamw"?"
    `);
    expect(await refusedCompile({ ...mse, optimizer: 'quantum' })).toMatchInlineSnapshot(`
     "LookupError [unknown-name] option "optimizer" of compile of model "digits"
       expected  the name of a registered optimizer
       received  "quantum"
       fix       known names: adam, adamw, sgd"
    `);
    expect(await refusedCompile({ ...mse, metrics: ['acuracy'] })).toMatchInlineSnapshot(`
     "LookupError [unknown-name] option "metrics" of compile of model "digits"
       expected  the name of a registered metric
       received  "acuracy"
       fix       did you mean "accuracy"?"
    `);
  });

  it('an optimizer or metric that is none', async () => {
    expect(await refusedCompile({ ...mse, optimizer: 0.01 })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "optimizer" of compile of model "digits"
       expected  an optimizer or the name of one
       received  0.01
       fix       pass e.g. "adam""
    `);
    expect(await refusedCompile({ ...mse, optimizer: Adam })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "optimizer" of compile of model "digits"
       expected  an optimizer or the name of one
       received  the class Adam
       fix       write new Adam()"
    `);
    expect(await refusedCompile({ ...mse, optimizer: () => undefined })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "optimizer" of compile of model "digits"
       expected  an optimizer or the name of one
       received  the function optimizer
       fix       pass e.g. "adam""
    `);
    expect(await refusedCompile({ ...mse, metrics: [5] })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "metrics" of compile of model "digits"
       expected  a metric, the name of one, or a function of labels and predictions
       received  5
       fix       pass e.g. ["accuracy"]"
    `);
    expect(await refusedCompile({ ...mse, metrics: [BinaryAccuracy] })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "metrics" of compile of model "digits"
       expected  a metric, the name of one, or a function of labels and predictions
       received  the class BinaryAccuracy
       fix       write new BinaryAccuracy()"
    `);
    expect(await refusedCompile({ ...mse, metrics: 'accuracy' })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "metrics" of compile of model "digits"
       expected  an array
       received  "accuracy""
    `);
  });

  it('metrics of one name, and accuracy where its form is open', async () => {
    expect(await refusedCompile({ ...mse, metrics: ['mean', 'mean'] })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "metrics" of compile of model "digits"
       expected  metrics of different names, none of them "loss", "learningRate", "lossScale", "__proto__" or "val_..."
       received  two named "mean"
       fix       give one of them another name option"
    `);
    expect(await refusedCompile({ ...mse, metrics: [new BinaryAccuracy({ name: 'loss' })] })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "metrics" of compile of model "digits"
       expected  metrics of different names, none of them "loss", "learningRate", "lossScale", "__proto__" or "val_..."
       received  one named "loss"
       fix       give one of them another name option"
    `);
    expect(await refusedCompile({ ...mse, metrics: ['accuracy'] })).toMatchInlineSnapshot(`
     "OptionsError [accuracy-form] option "metrics" of compile of model "digits"
       expected  the name "accuracy" beside a cross-entropy, whose labels tell which form is meant
       received  "accuracy" beside the loss "mean_squared_error"
       fix       name the form: binaryAccuracy, categoricalAccuracy or sparseCategoricalAccuracy"
    `);
  });

  it('clipping that is not one of the four, and what else is done to gradients', async () => {
    expect(await refusedCompile({ ...mse, clip: 1 })).toMatchInlineSnapshot(`
     "OptionsError [options-type] clip
       expected  an object with the options of clip
       received  1
       fix       known names: adaptive, globalNorm, norm, only, value"
    `);
    expect(await refusedCompile({ ...mse, clip: {} })).toMatchInlineSnapshot(`
     "OptionsError [clip-choice] clip
       expected  exactly one of value, norm, globalNorm, adaptive
       received  none of them
       fix       keep one; globalNorm: 1 keeps the direction of the step"
    `);
    expect(await refusedCompile({ ...mse, clip: { value: 1, norm: 1 } })).toMatchInlineSnapshot(`
     "OptionsError [clip-choice] clip
       expected  exactly one of value, norm, globalNorm, adaptive
       received  value and norm
       fix       keep one; globalNorm: 1 keeps the direction of the step"
    `);
    expect(await refusedCompile({ ...mse, clip: { globalnorm: 1 } })).toMatchInlineSnapshot(`
     "OptionsError [unknown-option] option "globalnorm" of clip
       expected  a known option
       received  "globalnorm"
       fix       did you mean "globalNorm"?"
    `);
    for (const option of ['spikeProtection', 'gradientNoise', 'lookahead', 'weightAverage']) {
      for (const bad of [5, null, [1]]) {
        expect(await refusedCompile({ ...mse, [option]: bad })).toMatch(
          new RegExp(`^OptionsError \\[options-type\\][^\n]*${option}`),
        );
      }
      expect(await refusedCompile({ ...mse, [option]: { decai: 1 } })).toMatch(/^OptionsError \[unknown-option\]/);
    }
  });

  it('a misspelt option', async () => {
    expect(await refusedCompile({ ...mse, optimiser: 'adam' })).toMatchInlineSnapshot(`
     "OptionsError [unknown-option] option "optimiser" of compile of model "digits"
       expected  a known option
       received  "optimiser"
       fix       did you mean "optimizer"?"
    `);
  });
});

describe('useEngine', () => {
  it('refuses unknown and invalid options', () => {
    const messages = [
      { threads: 2 },
      { intraOpThreads: 0 },
      { intraOpThreads: '2' },
      { deterministic: 1 },
      { library: 5 },
      5,
    ].map((options) => thrownBy(() => useEngine(options as Parameters<typeof useEngine>[0])).message);
    expect(messages).toMatchInlineSnapshot(`
     [
       "OptionsError [unknown-option] useEngine
       received  "threads"
       fix       did you mean "interOpThreads" or "intraOpThreads"?",
       "OptionsError [invalid-option] option "intraOpThreads" of useEngine
       expected  a whole number of at least 1
       received  0",
       "OptionsError [invalid-option] option "intraOpThreads" of useEngine
       expected  a whole number of at least 1
       received  "2"",
       "OptionsError [invalid-option] option "deterministic" of useEngine
       expected  true or false
       received  1",
       "OptionsError [invalid-option] option "library" of useEngine
       expected  the path of a file
       received  5",
       "OptionsError [invalid-option] useEngine
       expected  an object
       received  5",
     ]
    `);
  });
});
