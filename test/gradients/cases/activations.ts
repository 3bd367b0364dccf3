import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { ACTIVATION_NAMES, resolveActivation, type ActivationName } from '../../../src/layers/activations.js';
import { floats } from '../../helpers/kernel-case.js';
import type { GradientCase } from '../gradient-case.js';
import { around } from './kinks.js';

/** The same in tfjs, where it is more than `tf[name]`. */
const PLAIN: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))),
  leakyRelu: (x) => tf.leakyRelu(x, 0.2),
  linear: (x) => x,
  silu: (x) => tf.mul(x, tf.sigmoid(x)),
};

function plainActivation(name: ActivationName): (x: Tensor) => Tensor {
  return PLAIN[name] ?? ((x) => (tf as unknown as Record<string, (x: Tensor) => Tensor>)[name]!(x));
}

const WITH_KINK: readonly string[] = ['relu', 'leakyRelu', 'elu', 'selu'];

/** Each activation that a layer can be given by name. */
export function activationCases(): GradientCase[] {
  return ACTIVATION_NAMES.flatMap((name) => {
    const fn = resolveActivation(name, 'a gradient case');
    const plain = plainActivation(name);
    const base = { kind: 'activation' as const, name, fn: (x: Tensor) => fn(x), plain: (x: Tensor) => plain(x) };
    const away: GradientCase = { ...base, point: 'away', inputs: () => [floats([3, 4], 2)] };
    return WITH_KINK.includes(name) ? [away, { ...base, point: 'near a kink', inputs: around(0) }] : [away];
  });
}
