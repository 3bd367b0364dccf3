import { tf, type Tensor } from 'adjoint';
import { integrate } from './flow.js';

/** Seconds between a point and the one that is to be predicted from it. */
export const STRIDE = 0.25;
const DURATION = 25;
/** Steps of the solver in a stride, fine enough for data. */
const FINE = 10;

/** Points of the spiral `dz/dt = z^3 A` from (2, 0), one each stride: the whole way in to the middle. */
export function spiral(): number[][] {
  return tf.tidy(() => {
    const turn = tf.tensor2d([
      [-0.1, 2],
      [-2, -0.1],
    ]);
    const slopes = ([z]: Tensor[]): Tensor[] => [tf.matMul(tf.mul(z!, tf.square(z!)) as tf.Tensor2D, turn)];
    let points: Tensor[] = [tf.tensor2d([[2, 0]])];
    const all = [points[0]!];
    for (let i = 0; i < DURATION / STRIDE; i++) {
      points = integrate(slopes, points, STRIDE, FINE);
      all.push(points[0]!);
    }
    return tf.concat(all).arraySync() as number[][];
  });
}
