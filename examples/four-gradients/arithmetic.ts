/** What a function is written in, so that it can be computed with numbers of any kind. */
export interface Arithmetic<Num> {
  constant(value: number): Num;
  add(a: Num, b: Num): Num;
  subtract(a: Num, b: Num): Num;
  multiply(a: Num, b: Num): Num;
  tanh(a: Num): Num;
}

/** JavaScript's own numbers, which are float64. */
export const plain: Arithmetic<number> = {
  constant: (value) => value,
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  tanh: (a) => Math.tanh(a),
};
