import { describe, expect, it } from '@jest/globals';
import { Dataset } from '../../src/data/dataset.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import type { BatchSource } from '../../src/training/batches.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, rowsOf } from '../helpers/models.js';
import { refusal } from '../helpers/refusal.js';

const ROWS = 6;
const x = rowsOf(ROWS, 3);
const classes = [0, 1, 2, 0, 1, 2];
const oneHot = classes.map((label) => [0, 1, 2].map((c) => Number(c === label)));
const image = (height: number, width: number, channels: number): Tensor => tf.ones([ROWS, height, width, channels]);

/** A classifier of three features, built, so that every refusal leaves it as it is. */
function classifier(loss = 'sparseCategoricalCrossentropy', extra: object = {}): BaseModel {
  const model = sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [3] })], { name: 'digits' });
  model.compile({ optimizer: 'adam', loss, ...extra });
  return model;
}

function convolutional(): BaseModel {
  const model = sequential(
    [
      layers.conv2d({ filters: 2, kernelSize: 3, name: 'conv_1', inputShape: [6, 6, 1] }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    { name: 'digits' },
  );
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  return model;
}

const quiet = { verbose: 0 } as const;

async function refusedBy(model: BaseModel, ...data: [x: unknown, y?: unknown, options?: object]): Promise<string> {
  const [first, second, options] = data;
  const run = () => model.fit(first as Tensor, second as Tensor, { ...quiet, ...options });
  try {
    return await refusal(model, run);
  } finally {
    model.dispose();
  }
}

async function refusedStream(model: BaseModel, source: unknown, options?: object): Promise<string> {
  try {
    return await refusal(model, () => model.fit(source as BatchSource, { ...quiet, ...options }));
  } finally {
    model.dispose();
  }
}

describe('inputs', () => {
  useTestEngine();

  it('of a wrong rank', async () => {
    expect(await refusedBy(convolutional(), rowsOf(ROWS, 36), classes)).toMatchInlineSnapshot(`
     "ShapeError [input-rank] layer "conv_1" (Conv2D) of model "digits"
       expected  rank 4  [batch, height, width, channels]
       received  rank 2  [6, 36]
       fix       add a channel axis, e.g. reshape({ targetShape: [28, 28, 1] }) as the first layer"
    `);
    const rank3 = tf.ones([ROWS, 6, 6]);
    expect(await refusedBy(convolutional(), rank3, classes)).toMatchInlineSnapshot(`
     "ShapeError [input-rank] layer "conv_1" (Conv2D) of model "digits"
       expected  rank 4  [batch, height, width, channels]
       received  rank 3  [6, 6, 6]
       fix       add a channel axis, e.g. reshape({ targetShape: [28, 28, 1] }) as the first layer"
    `);
    expect(await refusedBy(classifier(), Float32Array.from({ length: 6 }), classes)).toMatchInlineSnapshot(`
     "DataError [not-finite] x of fit of model "digits"
       expected  finite numbers
       received  NaN at [0]
       fix       look at how the data was made; drop or repair that example"
    `);
    rank3.dispose();
  });

  it('of a wrong channel count or size', async () => {
    const [rgb, small] = [image(6, 6, 3), image(5, 5, 1)];
    expect(await refusedBy(convolutional(), rgb, classes)).toMatchInlineSnapshot(`
     "ShapeError [input-channels] layer "conv_1" (Conv2D) of model "digits"
       expected  a last dimension of 1, which the layer was built for
       received  3  [6, 6, 6, 3]
       fix       pass data of the shape of the first call, or make a new layer"
    `);
    expect(await refusedBy(convolutional(), small, classes)).toMatchInlineSnapshot(`
     "ShapeError [input-channels] layer "dense" (Dense) of model "digits"
       expected  a last dimension of 32, which the layer was built for
       received  18  [6, 18]
       fix       pass data of the shape of the first call, or make a new layer"
    `);
    expect(await refusedBy(classifier(), rowsOf(ROWS, 4), classes)).toMatchInlineSnapshot(`
     "ShapeError [input-channels] layer "dense" (Dense) of model "digits"
       expected  a last dimension of 3, which the layer was built for
       received  4  [6, 4]
       fix       pass data of the shape of the first call, or make a new layer"
    `);
    tf.dispose([rgb, small]);
  });

  it('that are no data', async () => {
    expect(await refusedBy(classifier(), 'digits.csv', classes)).toMatchInlineSnapshot(`
     "DataError [array-type] x of fit of model "digits"
       expected  a tensor, a typed array, nested arrays of numbers, or { values, shape, dtype }
       received  "digits.csv""
    `);
    expect(
      await refusedBy(
        classifier(),
        [
          [1, 2, 3],
          [1, 2],
        ],
        classes,
      ),
    ).toMatchInlineSnapshot(`
     "DataError [ragged-array] x of fit of model "digits", element [1]
       expected  an array of 3 elements, like the ones before it
       received  an array of 2 elements"
    `);
    expect(await refusedBy(classifier(), [['1', '2', '3']], classes)).toMatchInlineSnapshot(`
     "DataError [array-type] x of fit of model "digits", element [0][0]
       expected  a number
       received  "1""
    `);
    expect(await refusedBy(classifier(), undefined, classes)).toMatchInlineSnapshot(`
     "DataError [data-type] fit of model "digits"
       expected  x and y, { x, y }, a Dataset or an iterable of batches
       received  x: undefined"
    `);
    expect(await refusedStream(classifier(), { inputs: x, y: classes })).toMatchInlineSnapshot(`
     "DataError [data-type] fit of model "digits"
       expected  x and y, { x, y }, a Dataset or an iterable of batches
       received  an object with keys inputs, y"
    `);
    expect(await refusedStream(classifier(), { x, labels: classes })).toMatchInlineSnapshot(`
     "DataError [element-type] field "labels" of fit of model "digits"
       expected  x, y or sampleWeight
       received  "labels"
       fix       known names: sampleWeight, x, y"
    `);
    const disposed = tf.ones([2, 3]);
    disposed.dispose();
    expect(await refusedBy(classifier(), disposed, classes)).toMatchInlineSnapshot(`
     "DataError [tensor-disposed] x of fit of model "digits"
       expected  a living tensor
       received  a tensor that was disposed
       fix       pass the tensor before disposing it, or keep it with tf.keep() inside tf.tidy()"
    `);
  });

  it('with NaN or infinity, also in labels and weights', async () => {
    const bad = (value: number, row: number) =>
      x.map((cells, i) => cells.map((cell, j) => (i === row && j === 1 ? value : cell)));
    expect(await refusedBy(classifier(), bad(NaN, 4), classes)).toMatchInlineSnapshot(`
     "DataError [not-finite] x of fit of model "digits"
       expected  finite numbers
       received  NaN at [4, 1]
       fix       look at how the data was made; drop or repair that example"
    `);
    expect(await refusedBy(classifier(), bad(-Infinity, 0), classes)).toMatchInlineSnapshot(`
     "DataError [not-finite] x of fit of model "digits"
       expected  finite numbers
       received  -Infinity at [0, 1]
       fix       look at how the data was made; drop or repair that example"
    `);
    expect(await refusedBy(classifier(), x, [0, 1, NaN, 0, 1, 2])).toMatchInlineSnapshot(`
     "DataError [not-finite] y of fit of model "digits"
       expected  finite numbers
       received  NaN at [2]
       fix       look at how the data was made; drop or repair that example"
    `);
    expect(await refusedBy(classifier(), x, classes, { sampleWeight: [1, 1, Infinity, 1, 1, 1] }))
      .toMatchInlineSnapshot(`
     "DataError [not-finite] sampleWeight of fit of model "digits"
       expected  finite numbers
       received  Infinity at [2]
       fix       look at how the data was made; drop or repair that example"
    `);
    expect(await refusedBy(classifier(), x, classes, { validationData: [bad(NaN, 2), classes] }))
      .toMatchInlineSnapshot(`
     "DataError [not-finite] x of validationData of fit of model "digits"
       expected  finite numbers
       received  NaN at [2, 1]
       fix       look at how the data was made; drop or repair that example"
    `);
    const model = classifier();
    expect(await refusal(model, () => model.predict(bad(NaN, 5)))).toMatchInlineSnapshot(`
     "DataError [not-finite] x of predict of model "digits"
       expected  finite numbers
       received  NaN at [5, 1]
       fix       look at how the data was made; drop or repair that example"
    `);
    expect(await refusal(model, () => model.evaluate(bad(NaN, 5), classes))).toMatchInlineSnapshot(`
     "DataError [not-finite] x of evaluate of model "digits"
       expected  finite numbers
       received  NaN at [5, 1]
       fix       look at how the data was made; drop or repair that example"
    `);
    model.dispose();
  });

  it('and labels of different lengths', async () => {
    expect(await refusedBy(classifier(), x, classes.slice(1))).toMatchInlineSnapshot(`
     "DataError [length-mismatch] fit of model "digits"
       expected  as many y as x: 6
       received  5 y
       fix       pass arrays whose first axes are equal"
    `);
    expect(await refusedBy(classifier(), x, classes, { sampleWeight: [1, 2] })).toMatchInlineSnapshot(`
     "DataError [length-mismatch] fit of model "digits"
       expected  as many sampleWeight as x: 6
       received  2 sampleWeight
       fix       pass arrays whose first axes are equal"
    `);
    expect(await refusedBy(classifier(), x, classes, { validationData: [x, classes.slice(1)] })).toMatchInlineSnapshot(`
     "DataError [length-mismatch] validationData of fit of model "digits"
       expected  as many y as x: 6
       received  5 y
       fix       pass arrays whose first axes are equal"
    `);
  });

  it('that are none', async () => {
    expect(await refusedBy(classifier(), [], [])).toMatchInlineSnapshot(`
     "DataError [empty-dataset] fit of model "digits"
       expected  at least one element
       received  none"
    `);
    expect(await refusedStream(classifier(), [])).toMatchInlineSnapshot(`
     "DataError [empty-dataset] fit of model "digits"
       expected  at least one element
       received  none"
    `);
    expect(
      await refusedStream(
        classifier(),
        Dataset.fromIterable(() => []),
      ),
    ).toMatchInlineSnapshot(`
     "DataError [empty-dataset] Dataset.fromIterable, epoch 0
       expected  at least one element
       received  none
       fix       return an iterable with at least one element from the function"
    `);
    expect(await refusedStream(classifier(), new Set())).toMatchInlineSnapshot(`
     "DataError [empty-dataset] Dataset.fromIterable, epoch 0
       expected  at least one element
       received  none
       fix       return an iterable with at least one element from the function"
    `);
  });
});

describe('labels', () => {
  useTestEngine();

  it('out of range', async () => {
    expect(await refusedBy(classifier(), x, [0, 1, 2, 3, 1, 2])).toMatchInlineSnapshot(`
     "DataError [label-range] y of fit of model "digits"
       expected  class indices from 0 to 2, as the output is 3 wide
       received  3 at index 3
       fix       count classes from 0, or give the last layer more units"
    `);
    expect(await refusedBy(classifier(), x, [0, 1, -1, 0, 1, 2])).toMatchInlineSnapshot(`
     "DataError [label-range] y of fit of model "digits"
       expected  class indices from 0 to 2, as the output is 3 wide
       received  -1 at index 2
       fix       count classes from 0"
    `);
  });

  it('that are fractions where classes are wanted', async () => {
    expect(await refusedBy(classifier(), x, [0, 1, 0.5, 0, 1, 2])).toMatchInlineSnapshot(`
     "DataError [label-not-integer] y of fit of model "digits"
       expected  class indices: whole numbers
       received  0.5 at index 2
       fix       for probabilities of classes use the loss categoricalCrossentropy, for quantities meanSquaredError"
    `);
  });

  it('one-hot of the wrong width, or for the other loss', async () => {
    expect(
      await refusedBy(
        classifier('categoricalCrossentropy'),
        x,
        oneHot.map((row) => row.slice(1)),
      ),
    ).toMatchInlineSnapshot(`
     "ShapeError [label-width] y of fit of model "digits"
       expected  one number for each class  [?, 3]
       received  [6, 2]
       fix       make labels and the last layer equally wide: 2 in the labels, 3 in the output"
    `);
    expect(await refusedBy(classifier('categoricalCrossentropy'), x, classes)).toMatchInlineSnapshot(`
     "ShapeError [label-rank] y of fit of model "digits"
       expected  one number for each class  [?, 3]
       received  [6]
       fix       for class indices use the loss sparseCategoricalCrossentropy, or make them one-hot with tf.oneHot"
    `);
    expect(await refusedBy(classifier(), x, oneHot)).toMatchInlineSnapshot(`
     "ShapeError [label-rank] y of fit of model "digits"
       expected  one class index for each row of the output  [?]
       received  [6, 3]
       fix       for one-hot labels use the loss categoricalCrossentropy"
    `);
    expect(await refusedBy(classifier('meanSquaredError'), x, classes)).toMatchInlineSnapshot(`
     "ShapeError [label-shape] y of fit of model "digits"
       expected  labels of the output's shape  [?, 3]
       received  [6]"
    `);
  });

  it('that are missing', async () => {
    expect(await refusedStream(classifier(), x)).toMatchInlineSnapshot(`
     "DataError [no-labels] fit of model "digits"
       expected  labels y beside x
       received  x alone
       fix       pass fit(x, y) or let the dataset yield { x, y }"
    `);
    expect(await refusedBy(classifier(), x, 'labels.csv')).toMatchInlineSnapshot(`
     "DataError [array-type] y of fit of model "digits"
       expected  a tensor, a typed array, nested arrays of numbers, or { values, shape, dtype }
       received  "labels.csv""
    `);
    expect(await refusedStream(classifier(), { x })).toMatchInlineSnapshot(`
     "DataError [no-labels] fit of model "digits"
       expected  labels y beside x
       received  x alone
       fix       pass fit(x, y) or let the dataset yield { x, y }"
    `);
    expect(await refusedStream(classifier(), Dataset.fromArrays({ x }), { batchSize: 2 })).toMatchInlineSnapshot(`
     "DataError [no-labels] fit of model "digits"
       expected  labels y beside x
       received  x alone
       fix       pass fit(x, y) or let the dataset yield { x, y }"
    `);
    expect(await refusedBy(classifier(), x, classes, { validationData: [x] })).toMatchInlineSnapshot(`
     "DataError [no-labels] validationData of fit of model "digits"
       expected  labels y beside x
       received  x alone
       fix       pass fit(x, y) or let the dataset yield { x, y }"
    `);
  });

  it('of a linear output under a loss of probabilities', async () => {
    const model = sequential([layers.dense({ units: 3, inputShape: [3] })], { name: 'digits' });
    model.compile({ loss: 'sparseCategoricalCrossentropy' });
    expect(await refusedBy(model, x, classes)).toMatchInlineSnapshot(`
     "DataError [not-probabilities] the output of model "digits"
       expected  probabilities: from 0 to 1, with a sum of 1 over the last axis
       received  -0.645125150680542 at [0, 1]
       fix       pass fromLogits: true to the loss, or give the last layer a softmax activation"
    `);
  });
});

describe('options about data', () => {
  useTestEngine();

  it('that do not go with it', async () => {
    const stream = () => Dataset.fromArrays({ x, y: classes });
    expect(await refusedStream(classifier(), stream(), { batchSize: 2, sampleWeight: [1] })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "sampleWeight" of fit of model "digits"
       expected  no sampleWeight beside a dataset
       received  a sampleWeight
       fix       let the dataset yield { x, y, sampleWeight }"
    `);
    expect(await refusedStream(classifier(), stream(), { batchSize: 2, validationSplit: 0.5 })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "validationSplit" of fit of model "digits"
       expected  arrays, of which a part can be cut off
       received  a dataset
       fix       pass validationData"
    `);
    expect(await refusedBy(classifier(), x, classes, { validationSplit: 0.95 })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "validationSplit" of fit of model "digits"
       expected  a share that leaves at least one example on both sides
       received  0.95 of 6 examples"
    `);
    expect(await refusedBy(classifier(), x, classes, { epochs: 2, initialEpoch: 2 })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "initialEpoch" of fit of model "digits"
       expected  less than epochs (2), the number of the epoch after the last
       received  2
       fix       epochs: 4 trains 2 more"
    `);
    expect(await refusedBy(classifier(), x, classes, { validationData: 5 })).toMatchInlineSnapshot(`
     "DataError [data-type] validationData of fit of model "digits"
       expected  x and y, { x, y }, a Dataset or an iterable of batches
       received  5"
    `);
  });

  it('sampleWeight of a wrong shape', async () => {
    expect(await refusedBy(classifier(), x, classes, { sampleWeight: classes.map(() => [1, 1]) }))
      .toMatchInlineSnapshot(`
     "ShapeError [sample-weight] sampleWeight of fit of model "digits"
       expected  rank 1  [examples]
       received  rank 2  [6, 2]"
    `);
    expect(await refusedBy(classifier(), x, classes, { sampleWeight: 'balanced' })).toMatchInlineSnapshot(`
     "DataError [array-type] sampleWeight of fit of model "digits"
       expected  a tensor, a typed array, nested arrays of numbers, or { values, shape, dtype }
       received  "balanced""
    `);
    const model = classifier();
    expect(await refusal(model, () => model.trainOnBatch(x, classes, { sampleWeight: [1] }))).toMatchInlineSnapshot(`
     "DataError [length-mismatch] trainOnBatch of model "digits"
       expected  as many sampleWeight as x: 6
       received  1 sampleWeight
       fix       pass arrays whose first axes are equal"
    `);
    expect(await refusal(model, () => model.evaluate(x, classes, { sampleWeight: [1] }))).toMatchInlineSnapshot(`
     "DataError [length-mismatch] evaluate of model "digits"
       expected  as many sampleWeight as x: 6
       received  1 sampleWeight
       fix       pass arrays whose first axes are equal"
    `);
    model.dispose();
  });

  it('classWeight without a class that occurs, or with bad numbers', async () => {
    expect(await refusedBy(classifier(), x, classes, { classWeight: { 0: 1, 1: 2 } })).toMatchInlineSnapshot(`
     "DataError [class-weight] option "classWeight" of fit of model "digits"
       expected  a weight for every class that occurs
       received  no weight for class 2, only for 0, 1
       fix       add 2: 1"
    `);
    expect(await refusedBy(classifier(), x, classes, { classWeight: { 0: 1, 1: 2, 2: -1 } })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "classWeight" of fit of model "digits"
       expected  class indices with finite weights of at least 0
       received  2: -1"
    `);
    expect(await refusedBy(classifier(), x, classes, { classWeight: { cat: 1 } })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "classWeight" of fit of model "digits"
       expected  class indices with finite weights of at least 0
       received  cat: 1"
    `);
  });

  it('a dataset of examples without batchSize', async () => {
    expect(await refusedStream(classifier(), Dataset.fromArrays({ x, y: classes }))).toMatchInlineSnapshot(`
     "DataError [unbatched] y of batch 0 of fit of model "digits"
       expected  a first axis of examples
       received  a single number
       fix       pass batchSize where the data are single examples, or batch() them"
    `);
  });

  it('data for one pass where two are wanted', async () => {
    function* once() {
      yield { x, y: classes };
    }
    expect(await refusedStream(classifier(), once(), { epochs: 2 })).toMatchInlineSnapshot(`
     "DataError [one-shot-iterable] fit of model "digits"
       expected  data that can be gone through 2 times
       received  an iterator, which ends after one pass
       fix       make a fresh one for each pass: Dataset.fromIterable(() => examples())"
    `);
    expect(await refusedBy(classifier(), x, classes, { epochs: 3, validationData: once() })).toMatchInlineSnapshot(`
     "DataError [one-shot-iterable] validationData of fit of model "digits"
       expected  data that can be gone through 3 times
       received  an iterator, which ends after one pass
       fix       make a fresh one for each pass: Dataset.fromIterable(() => examples())"
    `);
  });
});

describe.each(MODES)('a stream that goes bad after good batches, %s', (execution) => {
  useTestEngine();

  const after = (second: object) => Dataset.fromIterable(() => [{ x, y: classes }, second]);
  const texts = async (second: object) => {
    const model = classifier(undefined, { execution });
    let message = '';
    try {
      await model.fit(after(second) as BatchSource, quiet);
    } catch (error) {
      message = (error as Error).message;
    }
    model.dispose();
    return message;
  };

  it('is refused at that batch, in words', async () => {
    expect(await texts({ x, y: [0, 1, 2, 0, 1, 9] })).toMatch(
      /DataError \[label-range\] y of batch 1 of fit of model "digits"/,
    );
    expect(await texts({ x })).toMatch(/DataError \[no-labels\] batch 1 of fit of model "digits"/);
    expect(await texts({ x: rowsOf(ROWS, 4), y: classes })).toMatch(/ShapeError \[input-channels\] layer "dense"/);
  });
});
