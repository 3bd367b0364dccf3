import { rngKey, uniform, type HostArray } from 'adjoint';

/** Points that a sine is learnt from, and as many others that the result is judged by. */
export const SHOTS = 10;

/** Sines to learn: `x` and `y` are `[tasks, 2 * shots, 1]`, the points to learn from first. */
export interface Tasks {
  readonly x: HostArray;
  readonly y: HostArray;
}

/** Sines with an amplitude in [0.1, 5] and a phase in [0, pi], at points in [-5, 5]. */
export function drawTasks(count: number, seed: number, name: string): Tasks {
  const key = rngKey(seed, name);
  const amplitudes = uniform(key.child('amplitude'), count);
  const phases = uniform(key.child('phase'), count);
  const points = uniform(key.child('points'), count * 2 * SHOTS);
  const x = Float32Array.from(points, (point) => 10 * point - 5);
  const y = x.map((at, i) => {
    const task = Math.floor(i / (2 * SHOTS));
    return (0.1 + 4.9 * amplitudes[task]!) * Math.sin(at - Math.PI * phases[task]!);
  });
  const array = (values: Float32Array): HostArray => ({ values, shape: [count, 2 * SHOTS, 1], dtype: 'float32' });
  return { x: array(x), y: array(y) };
}
