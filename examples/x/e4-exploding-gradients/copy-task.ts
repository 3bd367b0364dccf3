import { normal, rngKey, uniform } from '../../../src/index.js';

/** Symbols that there are. */
export const SYMBOLS = 4;
/** Noise of every input number, as a standard deviation. */
const NOISE = 0.02;

/** Sequences that begin with a symbol and go on with nothing, and the symbol as what is asked for at their end. */
export interface CopyData {
  /** `[examples, time, symbols]` */
  readonly x: number[][][];
  /** `[examples]` */
  readonly y: number[];
}

/** @param delay - time steps between a symbol and the question for it */
export function copyTask(examples: number, delay: number, seed: number): CopyData {
  const key = rngKey(seed, 'copy-task');
  const y = [...uniform(key.child('symbol'), examples)].map((number) => Math.floor(number * SYMBOLS));
  const noise = normal(key.child('noise'), examples * delay * SYMBOLS);
  const x = y.map((symbol, example) =>
    Array.from({ length: delay }, (_, time) =>
      Array.from({ length: SYMBOLS }, (_, channel) => {
        const shown = time === 0 && channel === symbol ? 1 : 0;
        return shown + NOISE * noise[(example * delay + time) * SYMBOLS + channel]!;
      }),
    ),
  );
  return { x, y };
}
