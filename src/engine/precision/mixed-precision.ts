import { EngineError } from '../../core/errors.js';
import { currentPath } from '../../core/path-scope.js';
import type { DtypePolicy } from '../dtype-scope.js';
import { DATA_TYPES, dataTypeName } from '../ffi/data-types.js';
import { engine } from '../start-engine.js';
import type { Precision } from './precision-names.js';
import { float32PartsOf, opPrecision, ruleOfUser } from './precision-table.js';
import { SLOW_HALF_KERNELS_ON_CPU } from './slow-half-kernels.js';

const HALF_TYPES = { mixed_bfloat16: DATA_TYPES.bfloat16, mixed_float16: DATA_TYPES.float16 } as const;

/**
 * Runs `body` in mixed precision: each op in the type that {@link opPrecision} says, with casts where one is needed.
 *
 * @param isFloat32 - says of a layer's path that it computes in float32
 */
export function withPrecision<T>(precision: Precision, isFloat32: (path: string) => boolean, body: () => T): T {
  if (precision === 'float32') return body();
  return engine().backend.binding.dtypes.run(policyOf(precision, isFloat32), body);
}

/** Runs `body` in float32 inside of a mixed-precision step. */
export function inFloat32<T>(body: () => T): T {
  return engine().backend.binding.dtypes.run(FLOAT32, body);
}

const FLOAT32: DtypePolicy = { name: 'float32', floatType: () => DATA_TYPES.float32 };

function policyOf(precision: keyof typeof HALF_TYPES, isFloat32: (path: string) => boolean): DtypePolicy {
  const half: number = HALF_TYPES[precision];
  const onCpu = !engine().backend.binding.isUsingGpuDevice();
  const slow: ReadonlySet<string> = onCpu ? SLOW_HALF_KERNELS_ON_CPU[precision] : new Set();
  return {
    name: precision,
    floatType(op, inputTypes) {
      if (isFloat32(currentPath())) return DATA_TYPES.float32;
      if (slow.has(op) && ruleOfUser(op) === undefined) return DATA_TYPES.float32;
      switch (opPrecision(op)) {
        case 'half':
          return half;
        case 'follows':
          return inputTypes.includes(half) ? half : DATA_TYPES.float32;
        case 'float32':
          return DATA_TYPES.float32;
      }
    },
    float32Parts: float32PartsOf,
    explain: (op, floatType, error) =>
      floatType === half && isLackOfKernel(error) ? noHalfKernel(op, half, error) : error,
  };
}

/** TensorFlow says either that an op's definition does not have the type, or that the device has no kernel for it. */
function isLackOfKernel(error: unknown): error is EngineError {
  return (
    error instanceof EngineError && /not in the list of allowed values|Could not find device/.test(error.received ?? '')
  );
}

function noHalfKernel(op: string, half: number, error: EngineError): EngineError {
  const { version, device } = engine();
  const type = dataTypeName(half);
  return new EngineError('no-half-kernel', {
    where: error.where,
    expected: `a kernel for ${type}`,
    received: `TensorFlow ${version} on ${device}, which has none`,
    fix: `have this op run in single precision: setOpPrecision('${op}', 'float32'); or the model: precision: 'float32'`,
    cause: error,
  });
}
