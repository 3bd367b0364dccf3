import {
  BaseLayer,
  Layer,
  layers,
  sequential,
  stopGradient,
  straightThrough,
  tf,
  Weight,
  type BaseModel,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

/** The values of rounding, with the gradient of the identity. */
const roundThrough = straightThrough((x) => tf.round(x));

/** Makes whole numbers of a tensor; `plain` has rounding's own gradient, which is zero everywhere. */
export const roundings = { straightThrough: roundThrough, plain: (x: Tensor): Tensor => tf.round(x) };

/** The greatest whole number that `bits` hold beside their sign: 127 of int8. */
export function greatestLevel(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/**
 * What a tensor looks like after it was stored as whole numbers of some bits, `scale round(x / scale)`, still in float32. The
 * scale gives the greatest value the greatest number.
 */
export function fakeQuantize(x: Tensor, bits: number, round: (x: Tensor) => Tensor): Tensor {
  const scale = stopGradient(tf.div(tf.maximum(tf.max(tf.abs(x)), 1e-8), greatestLevel(bits)));
  return tf.mul(scale, round(tf.div(x, scale)));
}

/** How a layer's input and kernel are quantised; `undefined` leaves them as they are. */
export interface Quantization {
  /** Of the kernel; the input always has 8. */
  readonly bits: number;
  readonly rounding: keyof typeof roundings;
}

/** A dense layer that computes with an input and a kernel as int8 arithmetic would have them. */
@Layer('example/quantized-dense')
class QuantizedDense extends BaseLayer {
  constructor(
    private readonly units: number,
    private readonly quantization: Quantization | undefined,
  ) {
    super();
  }

  @Weight<QuantizedDense>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;
  @Weight<QuantizedDense>((layer) => ({ shape: [layer.units], initializer: 'zeros' })) bias!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.add(tf.matMul(this.quantized(x, 8), this.quantized(this.kernel.value)), this.bias.value);
  }

  private quantized(x: Tensor, bits = this.quantization?.bits): Tensor {
    if (this.quantization === undefined || bits === undefined) return x;
    return fakeQuantize(x, bits, roundings[this.quantization.rounding]);
  }
}

/** A perceptron for digits that gives logits `[batch, 10]`. */
export function makePerceptron(quantization?: Quantization): BaseModel {
  return sequential([
    layers.flatten(),
    new QuantizedDense(64, quantization),
    layers.activation({ activation: 'relu' }),
    new QuantizedDense(10, quantization),
  ]);
}
