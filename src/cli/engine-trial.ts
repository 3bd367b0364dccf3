import { startEngine } from '../engine/start-engine.js';
import { tf } from '../engine/tfjs.js';
import { probePrecision } from './precision-probe.js';

// Run by `adjoint engine doctor` as a process of its own: a library that crashes takes only this one with it.

const SIZE = 256;

function trial(): object {
  const engine = startEngine();
  const numbers = Array.from({ length: SIZE * SIZE }, (_, index) => (index % 7) - 3);
  const begin = performance.now();
  const product = tf.tidy(() => {
    const matrix = tf.tensor2d(numbers, [SIZE, SIZE]);
    return tf.matMul(matrix, matrix).dataSync();
  });
  const milliseconds = performance.now() - begin;
  for (const place of [0, 4321, SIZE * SIZE - 1]) {
    const [row, column] = [Math.floor(place / SIZE), place % SIZE];
    let expected = 0;
    for (let k = 0; k < SIZE; k++) expected += numbers[row * SIZE + k]! * numbers[k * SIZE + column]!;
    // Small integers: their products and sums are exact in float32.
    if (product[place] !== expected) throw new Error(`matmul[${row}, ${column}] is ${product[place]}, not ${expected}`);
  }
  return {
    version: engine.version,
    device: engine.device,
    devices: engine.devices(),
    matMulMs: milliseconds,
    speedups: probePrecision(),
  };
}

try {
  process.stdout.write(`\n${JSON.stringify(trial())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
