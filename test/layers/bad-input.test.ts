import { describe, expect, it } from '@jest/globals';
import { OptionsError, ShapeError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import type { BaseLayer, LayerInput } from '../../src/layers/base-layer.js';
import type { LayerOptions } from '../../src/layers/layer-options.js';
import { layers } from '../../src/layers/layers.js';
import { useTestEngine } from '../helpers/engine.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;
const any = (layer: unknown): AnyLayer => layer as AnyLayer;

/** [layer, shape of a first call or null, shape that is refused, kind, what the message says] */
const SHAPES: [() => AnyLayer, number[] | null, number[], string, RegExp][] = [
  [() => any(layers.dense({ units: 2 })), null, [3], 'input-rank', /rank 2 or more {2}\[batch, \.\.\., features\]/],
  [() => any(layers.dense({ units: 2 })), [1, 3], [1, 4], 'input-channels', /last dimension of 3[^]*received {2}4/],
  [() => any(layers.conv2d({ filters: 2, kernelSize: 3 })), null, [128, 28, 28], 'input-rank', /add a channel axis/],
  [() => any(layers.conv2d({ filters: 2, kernelSize: 3 })), [1, 4, 4, 3], [1, 4, 4, 1], 'input-channels', /of 3/],
  [
    () => any(layers.conv2d({ filters: 2, kernelSize: 3 })),
    null,
    [1, 2, 5, 1],
    'window-too-large',
    /height of at least 3/,
  ],
  [
    () => any(layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2 })),
    null,
    [1, 5, 4, 1],
    'window-too-large',
    /width of at least 5/,
  ],
  [() => any(layers.maxPooling2d()), null, [1, 4, 4], 'input-rank', /\[batch, height, width, channels\]/],
  [() => any(layers.maxPooling2d({ poolSize: 5 })), null, [1, 4, 4, 1], 'window-too-large', /reach of the pool/],
  [() => any(layers.globalAveragePooling2d()), null, [1, 4], 'input-rank', /rank 4/],
  [() => any(layers.flatten()), null, [], 'input-rank', /rank 1 or more/],
  [() => any(layers.reshape({ targetShape: [5, -1] })), null, [2, 12], 'reshape-size', /multiple of 5/],
  [() => any(layers.reshape({ targetShape: [5] })), null, [2, 12], 'reshape-size', /12 elements/],
  [() => any(layers.batchNormalization()), null, [3], 'input-rank', /rank 2 to 5/],
  [() => any(layers.batchNormalization()), [2, 3], [2, 5], 'input-channels', /of 3/],
  [
    () => any(layers.residual({ body: layers.flatten() })),
    null,
    [2, 3, 4],
    'residual-shapes',
    /an output of \[\?|an output of \[2, 12\]/,
  ],
];

describe('layers refuse', () => {
  useTestEngine();

  it.each(SHAPES)('shapes: %#', (make, first, refused, kind, text) => {
    const layer = make();
    const call = (shape: number[]): void => tf.tidy(() => void layer.call(tf.zeros(shape)));
    if (first !== null) call(first);
    let error: unknown;
    try {
      call(refused);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as ShapeError).kind).toBe(kind);
    expect((error as ShapeError).message).toMatch(text);
    expect((error as ShapeError).message).toContain(`layer "${layer.name}" (${layer.constructor.name})`);
    layer.dispose();
  });

  it('lists that do not fit', () => {
    tf.tidy(() => {
      const add = layers.add();
      expect(() => add.call([tf.ones([2, 3])])).toThrow(/\[input-list\][^]*a list of 1/);
      expect(() => add.call(tf.ones([2, 3]) as never)).toThrow(/\[input-list\][^]*add\.call\(\[a, b\]\)/);
      expect(() => add.call([tf.ones([2, 3]), tf.ones([2, 4])])).toThrow(/\[input-shapes\][^]*\[2, 3\] and \[2, 4\]/);
      expect(() => add.call([tf.ones([2, 3]), tf.ones([3])])).toThrow(/\[input-shapes\]/);
    });
  });

  it('an unknown number of channels', () => {
    expect(() => layers.dense({ units: 1 }).build([null, null])).toThrow(/\[input-channels\][^]*known last dimension/);
    expect(() => layers.residual({ body: layers.flatten() }).build([null, null, null, 3])).toThrow(ShapeError);
  });

  it.each([
    [() => layers.dense({}), 'units'],
    [() => layers.dense({ units: 0 }), 'units'],
    [() => layers.dense({ units: 2.5 }), 'units'],
    [() => layers.dense({ units: 1, useBias: 'no' as unknown as boolean }), 'useBias'],
    [() => layers.dense({ units: 1, name: 'a/b' }), 'name'],
    [() => layers.dense({ units: 1, kernelInitializer: 'xavier' as 'zeros' }), 'kernelInitializer'],
    [() => layers.conv2d({ filters: 1 }), 'kernelSize'],
    [() => layers.conv2d({ filters: 1, kernelSize: [3, 0] }), 'kernelSize'],
    [() => layers.conv2d({ filters: -1, kernelSize: 3 }), 'filters'],
    [() => layers.conv2d({ filters: 1, kernelSize: 3, padding: 'SAME' as 'same' }), 'padding'],
    [() => layers.conv2d({ filters: 1, kernelSize: 3, strides: 0 }), 'strides'],
    [() => layers.conv2d({ filters: 1, kernelSize: 3, strides: 2, dilationRate: 2 }), 'dilationRate'],
    [() => layers.maxPooling2d({ poolSize: 0 }), 'poolSize'],
    [() => layers.maxPooling2d({ strides: [1, 2, 3] as unknown as [number, number] }), 'strides'],
    [() => layers.reshape({ targetShape: [-1, -1] }), 'targetShape'],
    [() => layers.reshape({}), 'targetShape'],
    [() => layers.dropout({ rate: 1 }), 'rate'],
    [() => layers.dropout({ rate: -0.1 }), 'rate'],
    [() => layers.dropout({ rate: Number.NaN }), 'rate'],
    [() => layers.activation({}), 'activation'],
    [() => layers.batchNormalization({ momentum: 1.5 }), 'momentum'],
    [() => layers.batchNormalization({ epsilon: 0 }), 'epsilon'],
    [() => layers.batchNormalization({ axis: 1 }), 'axis'],
    [() => layers.residual({ body: [] }), 'body'],
    [() => layers.residual({ body: layers.dense as unknown as BaseLayer }), 'body'],
  ])('invalid options: %s', (make, option) => {
    expect(make).toThrow(OptionsError);
    expect(make).toThrow(`[invalid-option] option "${option}" of layer `);
  });
});
