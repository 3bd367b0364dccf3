import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { floats, ints, type KernelInputs } from '../../helpers/kernel-case.js';
import { KERNEL_CASES } from '../../helpers/kernel-cases.js';
import type { GradientCase, TensorFunction } from '../gradient-case.js';
import {
  averagePool3d,
  batchNorm,
  cropAndResize,
  fusedMatMul,
  localResponseNormalization,
  maxPool3d,
  pullBack,
  resizeBilinear,
} from '../references.js';
import { EXCLUDED_KERNELS } from './excluded-kernels.js';
import { KINKS, ZEROS } from './kinks.js';
import { KERNEL_VARIANTS } from './kernel-variants.js';

type Change = Partial<Pick<GradientCase, 'inputs' | 'fn' | 'reference' | 'refusedRecorded'>> & {
  readonly attributes?: object;
};

export function run(name: string, inputs: KernelInputs, attributes: object = {}): Tensor | Tensor[] {
  return tf.engine().runKernel(name, inputs as tf.NamedTensorMap, { ...attributes }) as Tensor | Tensor[];
}

/** A complex kernel as a function of two real tensors. */
const ofComplex = (name: string): Change => ({
  inputs: () => [floats([2, 4]), floats([2, 4], 1, 0.5)],
  fn: (real, imag) => {
    const z = tf.complex(real!, imag!);
    return run(name, name === 'ComplexAbs' ? { x: z } : { input: z });
  },
});

/** A gradient kernel that takes its function's output: moved together with the input, as it always is. */
const ofPooling = (name: string, pool: string): Change => ({
  inputs: () => {
    const { dy, input } = inputsOf(name) as Record<string, Tensor>;
    return [dy!, input!];
  },
  fn: (dy, input) => {
    const attributes = KERNEL_CASES[name]!.attributes!;
    return run(name, { dy: dy!, input: input!, output: run(pool, { x: input! }, attributes) as Tensor }, attributes);
  },
});

const resizeAttributes = KERNEL_CASES.ResizeBilinear!.attributes as { size: [number, number] };

/** Where the kernel case is not what is to be differentiated. */
const CHANGES: Readonly<Record<string, Change>> = {
  AvgPool3D: { reference: (x) => averagePool3d(x!) },
  AvgPool3DGrad: { reference: (dy, input) => pullBack(averagePool3d)(input!, dy!) },
  Bincount: { attributes: { size: 4 } },
  Cast: { attributes: { dtype: 'float32' } },
  ComplexAbs: ofComplex('ComplexAbs'),
  CropAndResize: {
    // No sample falls on a pixel, where the slope by the box changes.
    inputs: () => [floats([2, 5, 6, 3]), tf.tensor2d([[0.1, 0.25, 0.85, 0.82]]), ints([1])],
    reference: (image, boxes, boxInd) => cropAndResize(image!, boxes!, boxInd!, [3, 4]),
  },
  FFT: ofComplex('FFT'),
  FloorDiv: { inputs: () => [floats([6], 5, 0.2), floats([6], 1, 2)] },
  FusedBatchNorm: { reference: batchNorm },
  IFFT: ofComplex('IFFT'),
  Imag: ofComplex('Imag'),
  LRN: { inputs: () => [floats([1, 2, 2, 6])], reference: (x) => localResponseNormalization(x!) },
  LRNGrad: {
    inputs: () => [floats([1, 2, 2, 6]), floats([1, 2, 2, 6], 1, 0.2)],
    fn: (x, dy) => {
      const attributes = KERNEL_CASES.LRNGrad!.attributes!;
      return run('LRNGrad', { x: x!, y: run('LRN', { x: x! }, attributes) as Tensor, dy: dy! }, attributes);
    },
    reference: (x, dy) => pullBack(localResponseNormalization)(x!, dy!),
  },
  MaxPool3D: { reference: (x) => maxPool3d(x!) },
  MaxPool3DGrad: { ...ofPooling('MaxPool3DGrad', 'MaxPool3D'), reference: (dy, x) => pullBack(maxPool3d)(x!, dy!) },
  MaxPoolGrad: ofPooling('MaxPoolGrad', 'MaxPool'),
  Real: ofComplex('Real'),
  ResizeBilinear: { reference: (images) => resizeBilinear(images!, resizeAttributes.size, true) },
  ResizeBilinearGrad: {
    reference: (images, dy) => pullBack((x) => resizeBilinear(x, [6, 8], false))(images!, dy!),
  },
  Sign: { inputs: () => [tf.tensor1d([-2, 0.5, 3])] },
  SparseToDense: {
    inputs: () => [ints([0, 3]), floats([2]), tf.scalar(0.5)],
  },
  Unique: { inputs: () => [floats([4])], refusedRecorded: 'dynamic-shape' },
  _FusedMatMul: { reference: fusedMatMul },
};

function inputsOf(name: string): KernelInputs {
  return KERNEL_CASES[name]!.inputs?.() ?? {};
}

/** Calls a kernel with tensors in the order in which its case names them. */
function caller(name: string, attributes: object): TensorFunction {
  const template = tf.tidy(() => {
    const inputs = inputsOf(name);
    return (Array.isArray(inputs) ? [] : Object.keys(inputs)) as unknown as tf.TensorContainer;
  }) as unknown as string[];
  const isList = template.length === 0;
  return (...at) => run(name, isList ? at : Object.fromEntries(template.map((key, i) => [key, at[i]!])), attributes);
}

/** A row for each kernel of tfjs, and more where it has kinks, zeros or other ways through its rule. */
export function kernelCases(): GradientCase[] {
  const names = Object.keys(KERNEL_CASES).filter((name) => !(name in EXCLUDED_KERNELS));
  const plain = names.flatMap((name): GradientCase[] => {
    const change = CHANGES[name] ?? {};
    const attributes = change.attributes ?? KERNEL_CASES[name]!.attributes ?? {};
    const base = {
      kind: 'kernel' as const,
      name,
      fn: change.fn ?? caller(name, attributes),
      reference: change.reference,
      refusedRecorded: change.refusedRecorded,
    };
    const at = (point: GradientCase['point'], inputs: (() => Tensor[]) | undefined): GradientCase[] =>
      inputs === undefined ? [] : [{ ...base, point, inputs }];
    const away = change.inputs ?? ((): Tensor[] => Object.values(inputsOf(name)));
    return [...at('away', away), ...at('near a kink', KINKS[name]), ...at('at a zero', ZEROS[name])];
  });
  const variants = KERNEL_VARIANTS.map(([kernel, what, inputs, attributes = {}]): GradientCase => ({
    kind: 'kernel',
    name: `${kernel}, ${what}`,
    point: 'away',
    inputs,
    fn: caller(kernel, attributes),
  }));
  return [...plain, ...variants];
}
