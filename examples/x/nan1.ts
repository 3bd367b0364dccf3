import { handwrittenDigits, NonFiniteGuard, Adam } from 'adjoint';
import { CASES, crossEntropyByHand } from '../find-the-nan/networks.js';
const d = handwrittenDigits({ train: 2000, test: 100, seed: 1 });
console.log(d.train.x.dtype, d.train.x.values.constructor.name, Math.max(...d.train.x.values.subarray(0, 10000)));
for (const lr of [0.001, 0.01, 0.05]) {
  const m = CASES[0]!.faulty(1);
  m.compile({ optimizer: new Adam({ learningRate: lr }), loss: crossEntropyByHand, seed: 1 });
  const g = new NonFiniteGuard({ onReport: (r) => console.log(r.table()) });
  const h = await m.fit(d.train, { batchSize: 64, epochs: 5, verbose: 0, callbacks: [g] });
  console.log(lr, h.history.loss, h.stopReason);
  m.dispose();
}
