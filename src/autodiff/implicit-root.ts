import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { applyRule } from './custom-rule.js';
import type { LinearSolver } from './linear-solvers.js';
import { noGrad } from './no-grad.js';
import { vjp } from './vjp.js';

/** An equation `residual(x, ...parameters) = 0`, and how its root is found. */
export interface ImplicitEquation {
  /** As errors say it: `customRoot`. */
  readonly label: string;
  residual(x: Tensor, ...parameters: Tensor[]): Tensor;
  solve(...parameters: Tensor[]): Tensor;
  readonly linearSolver: LinearSolver;
}

const ROOT = 'the root';

/**
 * The root with the derivative that the implicit function theorem gives it: with `A = dF/dx` and `B = dF/dp` the cotangent of the
 * parameters is `-B^T u`, where `A^T u` is the root's cotangent.
 *
 * That linear system is such an equation itself, so that every order follows.
 */
export function implicitRoot(equation: ImplicitEquation, parameters: readonly Tensor[]): Tensor {
  const { label, linearSolver } = equation;
  const names = parameters.map((_, i) => `parameter ${i}`);
  parameters.forEach((parameter: unknown, i) => {
    if (parameter instanceof tf.Tensor) return;
    throw new GradientError('rule-input', {
      where: `${label}, parameter ${i}`,
      expected: 'a tensor',
      received: formatValue(parameter),
      fix: typeof parameter === 'number' ? 'wrap it: tf.scalar(value)' : undefined,
    });
  });
  const constants = new Set(names.filter((_, i) => parameters[i]!.dtype !== 'float32'));
  const varied = names.filter((name) => !constants.has(name));
  const residual = (x: Tensor, ...at: Tensor[]): Tensor => equation.residual(x, ...at);
  return applyRule(
    {
      label,
      constants,
      captureFix: 'pass it as a parameter, or through stopGradient()',
      forward: () => {
        const found = noGrad(() => equation.solve(...parameters));
        const value = parameters.includes(found) ? found.clone() : found;
        if (!(value instanceof tf.Tensor)) return { value, keep: {} };
        const left = residual(value, ...parameters);
        if ((left as unknown) instanceof Promise) (left as unknown as Promise<unknown>).catch(() => {});
        if (!(left instanceof tf.Tensor) || !tf.util.arraysEqual(left.shape, value.shape)) {
          throw new GradientError('residual-shape', {
            where: `${label}, result of the residual`,
            expected: `the root's shape ${formatShape(value.shape)}: as many equations as unknowns`,
            received: left instanceof tf.Tensor ? `shape ${formatShape(left.shape)}` : formatValue(left),
          });
        }
        const given = Object.fromEntries(names.map((name, i) => [name, parameters[i]]));
        return { value, keep: { ...given, [ROOT]: value }, uses: [left] };
      },
      backward: (cotangent, keptValues) => {
        const kept = keptValues as Readonly<Record<string, Tensor>>;
        const x = kept[ROOT]!;
        const at = names.map((name) => kept[name]!);
        const adjoint = implicitRoot(
          {
            label: `${label}, linear system of the derivative`,
            residual: (u, root, right, ...rest) => {
              using way = vjp((y: Tensor) => residual(y, ...rest), root);
              return tf.sub(way.backward(u)[0], right);
            },
            solve: (root, right, ...rest) => {
              using way = vjp((y: Tensor) => residual(y, ...rest), root);
              return linearSolver((u) => way.backward(u)[0], right);
            },
            linearSolver,
          },
          [x, cotangent, ...at],
        );
        const byParameter = (name: string) => (): Tensor => {
          const position = names.indexOf(name);
          using way = vjp((parameter: Tensor) => residual(x, ...at.with(position, parameter)), at[position]!);
          return tf.neg(way.backward(adjoint)[0]);
        };
        return Object.fromEntries(varied.map((name) => [name, byParameter(name)]));
      },
    },
    Object.fromEntries(names.map((name, i) => [name, parameters[i]!])),
  );
}
