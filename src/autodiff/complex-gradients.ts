import { GradientError } from '../core/errors.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { TapeNode } from './tape.js';

type Gradient = NonNullable<TapeNode['gradient']>;

/** Kernels whose rule is right for complex tensors: they move and add elements, or the rule conjugates. */
const COMPLEX_RULES: ReadonlySet<string> = new Set([
  ...['Add', 'AddN', 'BatchMatMul', 'Cast', 'Complex', 'ComplexAbs', 'Concat', 'DepthToSpace', 'Diag', 'DiagPart'],
  ...['DivNoNan', 'Einsum', 'ExpandDims', 'FFT', 'GatherNd', 'GatherV2', 'IFFT', 'Identity', 'Imag', 'MirrorPad'],
  ...['MirrorPadGrad', 'Multiply', 'Neg', 'OnesLike', 'Pack', 'Real', 'RealDiv', 'Reshape', 'Reverse'],
  ...['ScatterNd', 'Select', 'Slice', 'SpaceToDepth', 'SparseToDense', 'SplitV', 'Square', 'StridedSlice'],
  ...['StridedSliceGrad', 'Sub', 'Sum', 'TensorScatterUpdate', 'Tile', 'Transpose', 'Unpack', 'UnsortedSegmentSum'],
  ...['BatchToSpaceND', 'Cumsum', 'Mean', 'SpaceToBatchND', 'Xdivy', 'ZerosLike'],
]);

/** Kernels whose rule needs one that takes no complex tensors, and is linear: real and imaginary part go through it alone. */
const BY_PARTS: ReadonlySet<string> = new Set(['Slice']);

/** Whether a kernel's call has a complex tensor among what it is differentiated by or gives. */
export function isComplexCall(inputs: Record<string, Tensor>, outputs: readonly Tensor[]): boolean {
  return [...Object.values(inputs), ...outputs].some((tensor) => tensor?.dtype === 'complex64');
}

/**
 * The gradients of a call with complex tensors, each of its input's type: a cotangent becomes complex with its output, and
 * of a complex gradient a real input gets the real part.
 */
export function complexGradients(kernelName: string, node: TapeNode, custom?: unknown): Gradient {
  const { inputs, outputs } = node;
  const gradient = BY_PARTS.has(kernelName) ? byParts(node.gradient!) : node.gradient!;
  if (kernelName === 'Identity' || isClone(node, custom)) {
    return ([cotangent]) => ({ x: () => ofType(cotangent!.clone(), 'complex64') });
  }
  return (cotangents) => {
    if (custom === undefined && !COMPLEX_RULES.has(kernelName)) throw notForComplex(kernelName, inputs);
    const fitting = cotangents.map((cotangent, i) => cotangent && ofType(cotangent, outputs[i]!.dtype));
    const results: Record<string, () => Tensor> = {};
    for (const [name, compute] of Object.entries(gradient(fitting))) {
      const input = inputs[name];
      results[name] = input === undefined ? compute : () => ofType(compute(), input.dtype);
    }
    return results;
  };
}

function byParts(gradient: Gradient): Gradient {
  return (cotangents) => {
    const along = (part: (z: Tensor) => Tensor) =>
      gradient(cotangents.map((cotangent) => cotangent && part(cotangent)));
    const [real, imaginary] = [along((z) => tf.real(z)), along((z) => tf.imag(z))];
    const whole = (name: string) => [name, () => tf.complex(real[name]!(), imaginary[name]!())] as const;
    return Object.fromEntries(Object.keys(real).map(whole));
  };
}

/** What tfjs's engine keeps for a rule is a clone, whose gradient casts to float32: the imaginary part would be lost. */
function isClone({ inputs, outputs }: TapeNode, custom: unknown): boolean {
  const { x, ...others } = inputs;
  return custom !== undefined && x?.dataId === outputs[0]!.dataId && Object.keys(others).length === 0;
}

function notForComplex(kernelName: string, inputs: Record<string, Tensor>): GradientError {
  return new GradientError('complex-gradient', {
    where: `gradient of kernel "${kernelName}"`,
    expected: 'real tensors: the rule is not made for complex ones',
    received: Object.entries(inputs)
      .map(([name, { dtype }]) => `${name}: ${dtype}`)
      .join(', '),
    fix: 'compute with tf.real() and tf.imag()',
  });
}

/**
 * tfjs's tape refuses gradients that are not float32, after one look at the type. This shows it what it wants to see, once;
 * afterwards the tensor is what it is.
 */
export function pastTypeCheck(gradient: Gradient): Gradient {
  return (cotangents) => {
    const results: Record<string, () => Tensor> = {};
    for (const [name, compute] of Object.entries(gradient(cotangents))) {
      results[name] = () => {
        const result = compute();
        return result.dtype === 'complex64' ? shownOnceAsReal(result) : result;
      };
    }
    return results;
  };
}

function shownOnceAsReal(tensor: Tensor): Tensor {
  Object.defineProperty(tensor, 'dtype', {
    configurable: true,
    enumerable: true,
    get: () => {
      Object.defineProperty(tensor, 'dtype', {
        value: 'complex64',
        configurable: true,
        enumerable: true,
        writable: true,
      });
      return 'float32';
    },
  });
  return tensor;
}

function ofType(gradient: Tensor, dtype: string): Tensor {
  if (dtype === 'complex64') {
    return gradient.dtype === 'complex64' ? gradient : tf.complex(gradient, tf.zerosLike(gradient));
  }
  return gradient.dtype === 'complex64' ? tf.real(gradient) : gradient;
}
