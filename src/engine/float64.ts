import { EngineError, StateError } from '../core/errors.js';
import type { DtypePolicy } from './dtype-scope.js';
import { DATA_TYPES } from './ffi/data-types.js';
import { engine, runningEngine } from './start-engine.js';
import type { Tensor } from './tfjs.js';

/** Ops whose CPU kernels know no double, or give float32 whatever they are given. */
const WITHOUT_DOUBLE: ReadonlySet<string> = new Set([
  'AvgPool3D',
  'AvgPool3DGrad',
  'CropAndResize',
  'FusedBatchNorm',
  'FusedBatchNormGrad',
  'FusedBatchNormGradV2',
  'FusedBatchNormGradV3',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
  'LRN',
  'LRNGrad',
  'MaxPool3D',
  'MaxPool3DGrad',
  'MaxPool3DGradGrad',
  'ResizeBilinear',
  'ResizeBilinearGrad',
  '_FusedConv2D',
  '_FusedMatMul',
]);

/** Variables keep their type, and a draw is the same in every precision; integers come out of a suppression of boxes. */
const ALWAYS_FLOAT32 =
  /^(VarHandleOp|VarIsInitializedOp|.*VariableOp|DestroyResourceOp|ResourceApply.*|Stateless(Random|Truncated).*|StatelessMultinomial|NonMaxSuppression.*)$/;

const float64Policy: DtypePolicy = {
  name: 'float64',
  floatType(opName) {
    if (ALWAYS_FLOAT32.test(opName)) return DATA_TYPES.float32;
    if (WITHOUT_DOUBLE.has(opName)) {
      throw new EngineError('no-float64-kernel', {
        where: `op ${opName}`,
        expected: 'an op that TensorFlow has a float64 kernel for',
        received: 'one that runs in single precision only',
        fix: 'use a composed reference of the same function inside inFloat64',
      });
    }
    return DATA_TYPES.float64;
  },
};

/**
 * Runs `body` in double precision: tfjs goes on seeing 'float32', while every op takes and gives float64 (complex64
 * becomes complex128). Read results with {@link readFloat64}; `dataSync` rounds them.
 *
 * Numbers that tfjs is given as constants, `tf.scalar(0.1)` among them, are rounded to float32 before they get here: the
 * tfjs gradients of erf and selu carry such constants and are off by 5e-8 and 3e-8.
 *
 * When to use: to check a gradient against differences, where float32's rounding hides an error.
 *
 * @param body - a synchronous function
 * @throws EngineError [no-float64-kernel] from an op that has no double kernel; StateError [async-float64]
 *
 * @example
 * ```ts
 * import { inFloat64, readFloat64, tf } from 'adjoint';
 *
 * const sine = inFloat64(() => tf.tidy(() => tf.sin(tf.scalar(0.5))));
 * console.log(Math.abs(readFloat64(sine)[0]! - Math.sin(0.5)) < 1e-15); // true
 * sine.dispose();
 * ```
 */
export function inFloat64<T>(body: () => T): T {
  const result = engine().backend.binding.dtypes.run(float64Policy, body);
  if (result instanceof Promise) {
    throw new StateError('async-float64', {
      where: 'inFloat64',
      expected: 'a function that returns its result',
      received: 'a promise, whose work would run outside the scope',
      fix: 'await inside a synchronous caller: compute in inFloat64, read afterwards',
    });
  }
  return result;
}

/**
 * Whether an {@link inFloat64} scope is in force; it does not start the engine.
 *
 * @example
 * ```ts
 * import { inFloat64, isFloat64 } from 'adjoint';
 *
 * console.log(isFloat64(), inFloat64(() => isFloat64())); // false true
 * ```
 */
export function isFloat64(): boolean {
  return runningEngine()?.backend.binding.dtypes.current === float64Policy;
}

/**
 * The true values of a tensor, in double precision; `dataSync` would round them to float32.
 *
 * @example
 * ```ts
 * import { inFloat64, readFloat64, tf } from 'adjoint';
 *
 * const third = inFloat64(() => tf.div(tf.scalar(1), tf.scalar(3)));
 * console.log(readFloat64(third)[0] === 1 / 3); // true
 * third.dispose();
 * ```
 */
export function readFloat64(tensor: Tensor): Float64Array {
  const { backend } = engine();
  return backend.binding.readFloat64(backend.nativeId(tensor));
}
