import { describe, expect, it } from '@jest/globals';
import { registerKernelVjp } from '../../src/autodiff/register-kernel-vjp.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { TraceError } from '../../src/core/errors.js';
import { currentPath, currentPhase, pathDepth, withPath } from '../../src/core/path-scope.js';
import { recordGraph } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';
import { thrownBy } from '../helpers/models.js';

useTestEngine();

const here = () => `${currentPath()}|${pathDepth()}|${currentPhase()}`;

/** Twice the input, with a gradient function that notes where it runs. */
function noting(places: string[]): (x: Tensor) => Tensor {
  return tf.customGrad((x) => ({
    value: tf.mul(x as Tensor, 2),
    gradFunc: (dy) => {
      places.push(here());
      return tf.mul(dy, 2);
    },
  }));
}

describe('gradient functions', () => {
  it('run at the path and depth of their forward op, in the backward phase', () => {
    const places: string[] = [];
    const x = tf.scalar(3);
    const double = noting(places);
    const run = () => withPath('body', () => double(withPath('dense', () => double(x))));
    const gradient = tf.tidy(() => tf.grad(run)(x));
    expect(places).toEqual(['body|1|backward', 'body/dense|2|backward']);
    expect(gradient.dataSync()[0]).toBe(4);
    tf.dispose([x, gradient]);
  });

  it('keep the place of the forward op at the second order', () => {
    const places: string[] = [];
    const double = noting(places);
    const x = tf.scalar(3);
    const first = tf.grad((a) => withPath('dense', () => tf.square(double(a))));
    tf.dispose(tf.grad((a) => withPath('outer', () => tf.square(first(a))))(x));
    expect(places.length).toBeGreaterThan(1);
    expect(new Set(places)).toEqual(new Set(['outer/dense|2|backward']));
    x.dispose();
  });

  it('compute lazy results there, too', () => {
    const places: string[] = [];
    const rule = registerKernelVjp(
      'Floor',
      {
        backward: (cotangent) => ({
          x: () => {
            places.push(here());
            return cotangent;
          },
        }),
      },
      { replace: true },
    );
    const x = tf.scalar(1.5);
    tf.dispose(tf.grad((a: Tensor) => withPath('dense', () => tf.floor(a)))(x));
    rule.remove();
    expect(places).toEqual(['dense|1|backward']);
    x.dispose();
  });

  it('leave the scope as it was, also for what valueAndGradients differentiates', () => {
    const x = tf.scalar(2);
    let inside = '';
    const outside = withPath('step', () => {
      const { value, gradients } = valueAndGradients(() => {
        inside = here();
        return tf.square(x);
      }, [x]);
      tf.dispose([value, ...(gradients as Tensor[])]);
      return here();
    });
    expect([inside, outside]).toEqual(['step|1|forward', 'step|1|forward']);
    x.dispose();
  });

  it('make recorded ops carry layer and phase', () => {
    const x = tf.scalar(2);
    const graph = recordGraph([x], () => [
      tf.tidy(() => tf.grad((a: Tensor) => withPath('dense', () => tf.exp(a)))(x)),
    ]);
    const placed = graph.nodes
      .filter(({ op }) => op === 'Exp' || op === 'Mul')
      .map(({ op, path, phase }) => [op, path, phase]);
    expect(placed).toEqual([
      ['Exp', 'dense', 'forward'],
      ['Mul', 'dense', 'backward'],
    ]);
    x.dispose();
  });

  it('are named in the error where a rule reads on the host while it is recorded', () => {
    const x = tf.scalar(2);
    const reading = tf.customGrad((a) => ({
      value: tf.square(a as Tensor),
      gradFunc: (dy) => tf.mul(dy, tf.add(dy, dy).dataSync()[0]!),
    }));
    const step = () => [valueAndGradients(() => withPath('dense', () => reading(x)), [x]).gradients[0]!];
    const error = thrownBy(() => recordGraph([x], step));
    expect(error).toBeInstanceOf(TraceError);
    expect((error as TraceError).where).toContain('backward pass of layer "dense"');
    x.dispose();
  });
});
