import { tf, type Tensor } from '../../engine/tfjs.js';
import { conjugate } from '../conjugate.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** A factor of an einsum, one letter an axis, without the axes of size 1 that an ellipsis repeats. */
interface Factor {
  readonly labels: string;
  readonly shape: readonly number[];
}

interface Terms {
  readonly factors: readonly Factor[];
  readonly result: Factor;
}

/**
 * The gradient by a factor is the einsum of the cotangent and the other factors. Axes that were summed in the factor alone
 * are repeated, and a label that it has twice puts its gradient on the diagonal.
 */
export function installEinsum(): void {
  registerKernelVjp('Einsum', {
    keepAllInputs: true,
    backward: (cotangent, kept, { equation }) => {
      const tensors: Tensor[] = [];
      for (let i = 0; kept.has(String(i)); i++) tensors.push(kept.input(String(i)));
      const { factors, result } = readEquation(equation as string, tensors, cotangent.shape);
      const gradient = (by: number): Tensor => {
        const others = factors.flatMap((factor, i) =>
          i === by ? [] : [{ labels: factor.labels, tensor: reshaped(conjugate(tensors[i]!), factor.shape) }],
        );
        const terms = [{ labels: result.labels, tensor: reshaped(cotangent, result.shape) }, ...others];
        return tf.reshape(gradientOf(factors[by]!, terms), tensors[by]!.shape);
      };
      return Object.fromEntries(tensors.map((_, i) => [String(i), () => gradient(i)]));
    },
  });
}

function gradientOf({ labels, shape }: Factor, terms: readonly { labels: string; tensor: Tensor }[]): Tensor {
  const unique = [...new Set(labels)];
  const reachable = unique.filter((label) => terms.some((term) => term.labels.includes(label)));
  const size = (label: string): number => shape[labels.indexOf(label)]!;
  const from = terms.map((term) => term.labels).join(',');
  let gradient = tf.einsum(`${from}->${reachable.join('')}`, ...terms.map(({ tensor }) => tensor));
  if (reachable.length < unique.length) {
    const present = unique.map((label) => (reachable.includes(label) ? size(label) : 1));
    const repeats = unique.map((label) => (reachable.includes(label) ? 1 : size(label)));
    gradient = tf.tile(tf.reshape(gradient, present), repeats);
  }
  return unique.length === labels.length ? gradient : tf.einsum(`${unique.join('')}->${labels}`, gradient);
}

/** Writes an ellipsis out in letters. Its axes of size 1 are left off: they are repeated, which leaving off does, too. */
function readEquation(equation: string, tensors: readonly Tensor[], resultShape: readonly number[]): Terms {
  const [left, right] = equation.replace(/\s/g, '').split('->') as [string, string];
  const used = new Set(equation);
  const free = Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i)).filter((letter) => !used.has(letter));
  const spread = (labels: string, shape: readonly number[]): Factor => {
    const hidden = shape.length - labels.replace('...', '').length;
    const start = labels.indexOf('...');
    if (start < 0) return { labels, shape };
    // Aligned at their last axes, as broadcasting does.
    const letters = Array.from({ length: hidden }, (_, i) => free[hidden - 1 - i]!);
    const all = [...labels.slice(0, start), ...letters, ...labels.slice(start + 3)];
    const stays = all.map((_, axis) => axis < start || axis >= start + hidden || shape[axis] !== 1);
    return { labels: all.filter((_, axis) => stays[axis]).join(''), shape: shape.filter((_, axis) => stays[axis]) };
  };
  const factors = left.split(',').map((labels, i) => spread(labels, tensors[i]!.shape));
  return { factors, result: spread(right, resultShape) };
}

function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  return tensor.rank === shape.length ? tensor : tf.reshape(tensor, [...shape]);
}
