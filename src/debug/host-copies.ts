import { tapeEngine } from '../autodiff/tape.js';

interface HostEngine {
  readSync(dataId: object): ArrayLike<number>;
  makeTensor(values: unknown, ...rest: unknown[]): unknown;
}

/** Runs `fn`, and whether a tensor was made in it of the very numbers that were read of another one. */
export function watchingCopies<T>(fn: () => T): { readonly result: T; readonly copies: boolean } {
  const engine = tapeEngine() as unknown as HostEngine;
  const { readSync, makeTensor } = engine;
  const read: Float32Array[] = [];
  let copies = false;
  Object.assign(engine, {
    readSync: (dataId: object) => {
      const values = readSync.call(engine, dataId);
      if (values.length > 0) read.push(Float32Array.from(values));
      return values;
    },
    makeTensor: (values: unknown, ...rest: unknown[]) => {
      copies ||= ArrayBuffer.isView(values) && read.some((one) => isCopy(one, values as unknown as ArrayLike<number>));
      return makeTensor.call(engine, values, ...rest);
    },
  });
  try {
    return { result: fn(), copies };
  } finally {
    for (const name of ['readSync', 'makeTensor']) Reflect.deleteProperty(engine, name);
  }
}

/** Zeros are made of many things. */
function isCopy(read: Float32Array, made: ArrayLike<number>): boolean {
  return (
    read.length === made.length && read.every((value, i) => value === made[i]) && read.some((value) => value !== 0)
  );
}
