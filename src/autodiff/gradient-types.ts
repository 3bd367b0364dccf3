import { isFloat64 } from '../engine/float64.js';
import { floatTypeOf, inFloatType } from '../engine/precision/float-type.js';
import { runningEngine } from '../engine/start-engine.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { TapeNode } from './tape.js';

type Gradient = NonNullable<TapeNode['gradient']>;

/**
 * Under mixed precision: gradients in the types of the inputs that they belong to. A chain in half precision so has its
 * gradients in half precision, one in float32 in float32, and those of a weight are added up in float32.
 */
export function gradientsInTypesOf(inputs: Readonly<Record<string, Tensor>>, gradient: Gradient): Gradient {
  if (runningEngine()?.backend.binding.dtypes.current === undefined || isFloat64()) return gradient;
  const types = new Map(Object.entries(inputs).map(([name, input]) => [name, floatTypeOf(input)]));
  return (cotangents) => {
    const placed: Record<string, () => Tensor> = {};
    for (const [name, compute] of Object.entries(gradient(cotangents))) {
      placed[name] = () => converted(compute(), types.get(name));
    }
    return placed;
  };
}

/** On the tape, as the backward pass may be differentiated again. */
function converted(tensor: Tensor, type: number | undefined): Tensor {
  if (type === undefined || floatTypeOf(tensor) === type) return tensor;
  const convert = tf.customGrad((value) => ({
    value: inFloatType(value as Tensor, type),
    gradFunc: (dy: Tensor) => dy,
  }));
  return convert(tensor);
}
