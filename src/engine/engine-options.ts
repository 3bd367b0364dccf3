import { OptionsError } from '../core/errors.js';
import { didYouMean, nearestChoice } from '../core/nearest-name.js';
import { encodeConfigProto } from './config-proto.js';
import { PRECISIONS, type Precision } from './precision/precision-names.js';

/** Choices that hold for the whole process; see `useEngine`. */
export interface EngineOptions {
  /** Threads that one op may use; default: as many as TensorFlow sees cores. */
  readonly intraOpThreads?: number;
  /** Threads that run ops side by side; default: TensorFlow's choice. */
  readonly interOpThreads?: number;
  /** Take GPU memory as it is needed instead of nearly all of it at start; default false. */
  readonly gpuMemoryGrowth?: boolean;
  /** The most GPU memory that TensorFlow may take, in mebibytes; default: no cap. */
  readonly gpuMemoryLimitMb?: number;
  /** Refuse or replace kernels whose results differ from run to run; default false. */
  readonly deterministic?: boolean;
  /** Precision of models whose `compile` names none: `float32`, `mixed_bfloat16` or `mixed_float16`; default `float32`. */
  readonly precision?: Precision;
  /** Show what TensorFlow prints while it starts, as `ADJOINT_VERBOSE=1` does; default false. */
  readonly verbose?: boolean;
  /** Path of the TensorFlow library, in place of the search. */
  readonly library?: string;
}

interface Check {
  readonly expected: string;
  passes(value: unknown): boolean;
}

const COUNT: Check = {
  expected: 'a whole number of at least 1',
  passes: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
};
const FLAG: Check = { expected: 'true or false', passes: (value) => typeof value === 'boolean' };
const TEXT: Check = {
  expected: 'the path of a file',
  passes: (value) => typeof value === 'string' && value !== '',
};

const CHECKS: Readonly<Record<keyof EngineOptions, Check>> = {
  intraOpThreads: COUNT,
  interOpThreads: COUNT,
  gpuMemoryGrowth: FLAG,
  gpuMemoryLimitMb: COUNT,
  deterministic: FLAG,
  precision: {
    expected: PRECISIONS.map((name) => `'${name}'`).join(', '),
    passes: (value) => PRECISIONS.includes(value as Precision),
  },
  verbose: FLAG,
  library: TEXT,
};

export function checkEngineOptions(options: EngineOptions): void {
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof EngineOptions] : undefined;
    if (check === undefined) {
      throw new OptionsError('unknown-option', {
        where: 'useEngine',
        received: `"${name}"`,
        fix: didYouMean(name, Object.keys(CHECKS)),
      });
    }
    if (value !== undefined && !check.passes(value)) {
      throw new OptionsError('invalid-option', {
        where: `option "${name}" of useEngine`,
        expected: check.expected,
        received: JSON.stringify(value) ?? String(value),
        fix: name === 'precision' && typeof value === 'string' ? nearestChoice(value, PRECISIONS) : undefined,
      });
    }
  }
}

export function toConfigProto(options: EngineOptions): Uint8Array {
  const { intraOpThreads, interOpThreads, gpuMemoryGrowth, gpuMemoryLimitMb } = options;
  const gpu = {
    ...(gpuMemoryGrowth === undefined ? {} : { allowGrowth: gpuMemoryGrowth }),
    ...(gpuMemoryLimitMb === undefined
      ? {}
      : { experimental: { virtualDevices: [{ memoryLimitMb: [gpuMemoryLimitMb] }] } }),
  };
  return encodeConfigProto({
    ...(intraOpThreads === undefined ? {} : { intraOpParallelismThreads: intraOpThreads }),
    ...(interOpThreads === undefined ? {} : { interOpParallelismThreads: interOpThreads }),
    ...(Object.keys(gpu).length === 0 ? {} : { gpuOptions: gpu }),
  });
}
