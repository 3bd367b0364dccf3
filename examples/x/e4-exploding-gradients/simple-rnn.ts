import { BaseLayer, Layer, LayerOptions, tf, Weight, type Initializer, type Tensor, type WeightHandle } from '../../../src/index.js';
import { IsInt, IsNumber, IsPositive } from 'class-validator';

/** Options of {@link SimpleRnn}. */
export class SimpleRnnOptions extends LayerOptions {
  /** Width of the state. */
  @IsInt()
  @IsPositive()
  units!: number;

  /** What the recurrent kernel is at the start, times the identity. Default 1. */
  @IsNumber()
  recurrentScale = 1;
}

/**
 * A recurrent layer: `h(t) = relu(x(t) . kernel + h(t - 1) . recurrentKernel + bias)`, and `h` of the last time step as its
 * output. The gradient by the first input has the recurrent kernel to the power of the number of steps in it.
 *
 * Shapes: `[batch, time, features]` to `[batch, units]`.
 */
@Layer('example/simple-rnn', SimpleRnnOptions)
export class SimpleRnn extends BaseLayer<SimpleRnnOptions> {
  @Weight((layer: SimpleRnn, input) => ({ shape: [input.at(-1), layer.options.units], initializer: 'glorotUniform' }))
  kernel!: WeightHandle;

  @Weight((layer: SimpleRnn) => ({
    shape: [layer.options.units, layer.options.units],
    initializer: scaledIdentity(layer.options.recurrentScale),
  }))
  recurrentKernel!: WeightHandle;

  @Weight((layer: SimpleRnn) => ({ shape: [layer.options.units], initializer: 'zeros' }))
  bias!: WeightHandle;

  call(x: Tensor): Tensor {
    const [batch, , features] = x.shape as [number, number, number];
    // One product for the inputs of all time steps.
    const flat = tf.matMul(tf.reshape(x, [-1, features]) as tf.Tensor2D, this.kernel.value as tf.Tensor2D);
    const inputs = tf.unstack(tf.reshape(tf.add(flat, this.bias.value), [batch, -1, this.options.units]), 1);
    const recurrent = this.recurrentKernel.value as tf.Tensor2D;
    const start: Tensor = tf.zeros([batch, this.options.units]);
    return inputs.reduce((state, input) => tf.relu(tf.add(input, tf.matMul(state as tf.Tensor2D, recurrent))), start);
  }

  override computeOutputShape(inputShape: readonly (number | null)[]): (number | null)[] {
    return [inputShape[0]!, this.options.units];
  }
}

function scaledIdentity(scale: number): Initializer {
  return {
    name: 'example/scaled-identity',
    values: (shape) => {
      const [rows, columns] = shape as [number, number];
      return Float32Array.from({ length: rows * columns }, (_, i) => (Math.floor(i / columns) === i % columns ? scale : 0));
    },
  };
}
