import { EngineError } from '../core/errors.js';
import { attribute, executeOp } from '../engine/execute-op.js';
import { DATA_TYPES } from '../engine/ffi/data-types.js';
import { inFloatType } from '../engine/precision/float-type.js';
import { engine } from '../engine/start-engine.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** How many times as fast as in float32 an op is in half precision; `null` where the engine has no kernel for it. */
export type Speedups = Readonly<Record<'bfloat16' | 'float16', number | null>>;

/** What a device gains by half precision in the ops that most of a training step's time goes to. */
export interface PrecisionGains {
  readonly matmul: Speedups;
  readonly convolution: Speedups;
}

/** Sizes at which the arithmetic outweighs the start of a kernel, and a measurement takes some milliseconds. */
const SIZES = { cpu: { matrix: 512, images: 8, side: 32 }, gpu: { matrix: 4096, images: 64, side: 64 } };
const CHANNELS = 32;
const ROUNDS = 10;
/** An op that has taken so long is not timed once more. */
const LONGEST_MILLISECONDS = 250;

/** Times a product and a convolution in each float type; well under a second. */
export function probePrecision(): PrecisionGains {
  const { matrix, images, side } = engine().backend.binding.isUsingGpuDevice() ? SIZES.gpu : SIZES.cpu;
  const type = attribute.type('T', 'float32');
  return {
    matmul: speedupsOf([matrix, matrix], [matrix, matrix], (inputs) => executeOp('MatMul', [type], inputs)),
    convolution: speedupsOf([images, side, side, CHANNELS], [3, 3, CHANNELS, CHANNELS], (inputs) =>
      executeOp('Conv2D', [type, attribute.int('strides', [1, 1, 1, 1]), attribute.string('padding', 'SAME')], inputs),
    ),
  };
}

/** Whoever disturbs the machine disturbs all types: they take turns, and the shortest time of each counts. */
function speedupsOf(left: number[], right: number[], run: (inputs: Tensor[]) => Tensor[]): Speedups {
  const types = [DATA_TYPES.float32, DATA_TYPES.bfloat16, DATA_TYPES.float16];
  const operands = [tf.ones(left), tf.ones(right)];
  const candidates = types.map((type) => ({
    type,
    inputs: operands.map((tensor) => inFloatType(tensor, type)),
    milliseconds: Infinity,
  }));
  const deadline = performance.now() + LONGEST_MILLISECONDS;
  for (let round = 0; round <= ROUNDS && performance.now() < deadline; round++) {
    for (const candidate of candidates) {
      const milliseconds = timed(candidate.type, () => run(candidate.inputs));
      // The first time compiles or allocates.
      if (round > 0) candidate.milliseconds = Math.min(candidate.milliseconds, milliseconds ?? Infinity);
    }
  }
  tf.dispose([operands, candidates.map(({ inputs }) => inputs)]);
  const [single, bfloat16, float16] = candidates.map(({ milliseconds }) => milliseconds) as [number, number, number];
  const speedup = (half: number): number | null =>
    Number.isFinite(half) ? Number((single / half).toPrecision(2)) : null;
  return { bfloat16: speedup(bfloat16), float16: speedup(float16) };
}

/** `null` where there is no kernel. */
function timed(type: number, run: () => Tensor[]): number | null {
  const policy = { name: 'probe', floatType: () => type };
  let milliseconds: number | null = null;
  tf.tidy(() => {
    try {
      engine().backend.binding.dtypes.run(policy, () => {
        const start = performance.now();
        const [result] = run();
        // A GPU's kernels run on after their start: what is read, has been computed.
        tf.slice(tf.reshape(result!, [-1]), 0, 1).dataSync();
        milliseconds = performance.now() - start;
      });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  });
  return milliseconds;
}
