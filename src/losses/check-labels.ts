import { DataError, ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { labelsFit } from './align-labels.js';
import type { LabelArray } from './base-loss.js';

/** @throws ShapeError [label-shape] unless labels have the output's shape */
export function checkSameShape(labels: LabelArray, outputShape: Shape, where: string): void {
  if (labelsFit([null, ...labels.shape.slice(1)], outputShape)) return;
  throw new ShapeError('label-shape', {
    where,
    expected: `labels of the output's shape  ${formatShape(outputShape)}`,
    received: formatShape(labels.shape),
  });
}

/** @throws DataError [label-range] at the first label outside [0, 1] */
export function checkUnitInterval(labels: LabelArray, where: string, fix: string): void {
  const index = firstIndex(labels, (value) => !(value >= 0 && value <= 1));
  if (index === undefined) return;
  throw new DataError('label-range', {
    where,
    expected: 'labels from 0 to 1',
    received: `${labels.values[index]} at ${position(labels, index)}`,
    fix,
  });
}

/** @throws ShapeError [one-class] where there is nothing to choose from */
function checkClassCount(outputShape: Shape, where: string): void {
  if (outputShape.at(-1) !== 1) return;
  throw new ShapeError('one-class', {
    where,
    expected: 'an output with one number for each class, two or more',
    received: formatShape(outputShape),
    fix: 'give the last layer one unit a class, or use the loss binaryCrossentropy',
  });
}

/** @throws ShapeError [label-rank | label-width] unless labels are rows as wide as the output */
export function checkOneHot(labels: LabelArray, outputShape: Shape, where: string): void {
  checkClassCount(outputShape, where);
  const classes = outputShape.at(-1);
  const expected = `one number for each class  ${formatShape(outputShape)}`;
  if (labels.shape.length !== outputShape.length || labels.shape.at(-1) === 1) {
    throw new ShapeError(labels.shape.length !== outputShape.length ? 'label-rank' : 'label-width', {
      where,
      expected,
      received: formatShape(labels.shape),
      fix: 'for class indices use the loss sparseCategoricalCrossentropy, or make them one-hot with tf.oneHot',
    });
  }
  if (labels.shape.at(-1) !== classes || !labelsFit([null, ...labels.shape.slice(1)], outputShape)) {
    throw new ShapeError('label-width', {
      where,
      expected,
      received: formatShape(labels.shape),
      fix: `make labels and the last layer equally wide: ${labels.shape.at(-1)} in the labels, ${classes} in the output`,
    });
  }
  checkUnitInterval(labels, where, 'give each class a probability, e.g. 1 for the right one and 0 for the others');
}

/** @throws ShapeError [label-rank], DataError [label-not-integer | label-range] unless labels are class indices */
export function checkIndices(labels: LabelArray, outputShape: Shape, where: string): void {
  checkClassCount(outputShape, where);
  const classes = outputShape.at(-1)!;
  const leading = outputShape.slice(0, -1);
  const given = [null, ...labels.shape.slice(1)];
  if (!labelsFit(given, leading) || labels.shape.length < leading.length) {
    throw new ShapeError('label-rank', {
      where,
      expected: `one class index for each row of the output  ${formatShape(leading)}`,
      received: formatShape(labels.shape),
      fix: labels.shape.at(-1) === classes ? 'for one-hot labels use the loss categoricalCrossentropy' : undefined,
    });
  }
  const fractional = firstIndex(labels, (value) => !Number.isInteger(value));
  if (fractional !== undefined) {
    throw new DataError('label-not-integer', {
      where,
      expected: 'class indices: whole numbers',
      received: `${labels.values[fractional]} at ${position(labels, fractional)}`,
      fix: 'for probabilities of classes use the loss categoricalCrossentropy, for quantities meanSquaredError',
    });
  }
  const outside = firstIndex(labels, (value) => value < 0 || value >= classes);
  if (outside === undefined) return;
  const value = labels.values[outside]!;
  throw new DataError('label-range', {
    where,
    expected: `class indices from 0 to ${classes - 1}, as the output is ${classes} wide`,
    received: `${value} at ${position(labels, outside)}`,
    fix: value < 0 ? 'count classes from 0' : 'count classes from 0, or give the last layer more units',
  });
}

function firstIndex({ values }: LabelArray, bad: (value: number) => boolean): number | undefined {
  for (let i = 0; i < values.length; i++) if (bad(values[i]!)) return i;
  return undefined;
}

/** `index 7`, or the index along each axis. */
function position({ shape }: LabelArray, flat: number): string {
  if (shape.length <= 1) return `index ${flat}`;
  const index: number[] = [];
  for (let rest = flat, axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return `index ${formatShape(index)}`;
}
