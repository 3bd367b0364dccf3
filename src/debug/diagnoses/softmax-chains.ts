import { traceForward, type TracedOp } from '../../autodiff/trace-forward.js';

/** Kernels that leave numbers as they are. */
const COPIES: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'Cast', 'Transpose', 'ExpandDims']);
/** Kernels whose first input is taken for logits. */
const OF_LOGITS: ReadonlySet<string> = new Set([
  ...['Softmax', 'LogSoftmax', 'logSoftmax'],
  ...['SparseSoftmaxCrossEntropyWithLogits', 'SoftmaxCrossEntropyWithLogits'],
]);
/** How the loss of a logit is computed: `log(1 + exp(-|x|))`, in this order. */
const OF_A_LOGIT = ['Abs', 'Neg', 'Exp', 'Log1p'];

/** A function of logits that is given what another one has made. */
export interface SoftmaxChain {
  readonly kind: 'softmax' | 'sigmoid';
  /** The layer, or where there is none the line, in which the second one was run. */
  readonly where: string;
}

/** Runs `forward` once more and finds where the softmax, or sigmoid, of a softmax is taken with nothing but copies in between. */
export function softmaxOfSoftmax(forward: () => void): SoftmaxChain | null {
  const { ops } = traceForward(forward);
  const place = ({ path, frame }: TracedOp): string => path || frame().replace(/^ at /, '');
  const [shares, halves] = [new Set<number>(), new Map<number, number>()];
  for (const op of ops) {
    const { kernel, inputs, outputs } = op;
    const [given] = inputs;
    if (given === undefined) continue;
    if (shares.has(given) && OF_LOGITS.has(kernel)) return { kind: 'softmax', where: place(op) };
    if (kernel === 'Softmax' || (COPIES.has(kernel) && shares.has(given))) outputs.forEach((id) => shares.add(id));
    const stage = halves.get(given);
    if (kernel === 'Sigmoid') outputs.forEach((id) => halves.set(id, 0));
    else if (stage !== undefined && COPIES.has(kernel)) outputs.forEach((id) => halves.set(id, stage));
    else if (stage !== undefined && kernel === OF_A_LOGIT[stage]) {
      if (stage === OF_A_LOGIT.length - 1) return { kind: 'sigmoid', where: place(op) };
      outputs.forEach((id) => halves.set(id, stage + 1));
    }
  }
  return null;
}
