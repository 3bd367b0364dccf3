import type { Arithmetic } from './arithmetic.js';

/** A number `value + tangent e` with `e e = 0`: its second part is the derivative along one direction. */
export interface Dual {
  readonly value: number;
  readonly tangent: number;
}

/** The rules of differentiation, carried along with every operation. */
export const dual: Arithmetic<Dual> = {
  constant: (value) => ({ value, tangent: 0 }),
  add: (a, b) => ({ value: a.value + b.value, tangent: a.tangent + b.tangent }),
  subtract: (a, b) => ({ value: a.value - b.value, tangent: a.tangent - b.tangent }),
  multiply: (a, b) => ({ value: a.value * b.value, tangent: a.tangent * b.value + a.value * b.tangent }),
  tanh: (a) => {
    const value = Math.tanh(a.value);
    return { value, tangent: (1 - value * value) * a.tangent };
  },
};
