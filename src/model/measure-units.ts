import { valueAndGradients } from '../autodiff/value-and-gradients.js';
import { withoutCheckpoints } from '../autodiff/checkpoint.js';
import { sizeOf } from '../core/shape.js';
import { bytesOf, keptForBackward, operationsOf, originOf } from '../engine/record/graph-memory.js';
import { recordGraph } from '../engine/record/recorded-function.js';
import { tf } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import type { BaseLayer } from '../layers/base-layer.js';
import { CallContext } from '../layers/call-context.js';
import { collectWeights } from './collect-weights.js';
import type { UnitCost } from './fit-budget.js';

/** Batches that the costs of a batch of any size are told from. */
const SMALL = 2;
const LARGE = 4;

/** What layers of a chain cost by the size of the batch; each is recorded on zeros for it, twice. */
export function measureUnits(
  chain: readonly BaseLayer[],
  inputShape: readonly number[],
): (batch: number) => UnitCost[] {
  const [small, large] = [SMALL, LARGE].map((batch) => measureAt(chain, [batch, ...inputShape])) as [
    UnitCost[],
    UnitCost[],
  ];
  return (batch) =>
    small.map((unit, i) => {
      const at = (of: (cost: UnitCost) => number) =>
        of(unit) + ((of(large[i]!) - of(unit)) * (batch - SMALL)) / (LARGE - SMALL);
      return {
        inputBytes: at(({ inputBytes }) => inputBytes),
        keepsInput: unit.keepsInput,
        innerBytes: at(({ innerBytes }) => innerBytes),
        operations: at(({ operations }) => operations),
      };
    });
}

function measureAt(chain: readonly BaseLayer[], inputShape: readonly number[]): UnitCost[] {
  let shape = inputShape;
  let outputWasUsed = false;
  return chain.map((layer, i) => {
    const measured = measureLayer(layer, shape);
    const inputBytes = i === 0 ? 0 : sizeOf(shape) * BYTES;
    const cost = {
      inputBytes,
      keepsInput: measured.keepsInput || outputWasUsed,
      innerBytes: measured.innerBytes,
      operations: measured.operations,
    };
    outputWasUsed = measured.keepsOutput;
    shape = measured.outputShape;
    return cost;
  });
}

const BYTES = 4;

function measureLayer(layer: BaseLayer, shape: readonly number[]) {
  const weights = [...collectWeights(layer as never)].map(([, weight]) => weight);
  const [input, cotangent] = tf.tidy(() => {
    const x = tf.zeros([...shape]);
    const context = new CallContext({ training: true });
    const y = layer.call(x, context);
    context.dispose();
    return [x, tf.zeros(y.shape)];
  });
  try {
    const graph = recordGraph([input!, cotangent!], () =>
      tf.tidy(() => {
        const context = new CallContext({ training: true });
        const values = weights.map(({ handle }) => handle.variable.read());
        const reads = new Map(weights.map(({ handle }, i) => [handle.variable, values[i]!]));
        const trained = values.filter((_, i) => weights[i]!.trainable);
        let output = input!;
        const { gradients } = withoutCheckpoints(() =>
          withVariableReads(reads, () =>
            valueAndGradients(() => {
              output = tf.keep(layer.call(input!, context).clone());
              return tf.sum(tf.mul(output, cotangent!));
            }, [input!, ...trained]),
          ),
        );
        context.dispose();
        const result = [output.clone(), ...gradients.filter((gradient) => gradient !== null)];
        output.dispose();
        return result;
      }),
    );
    const output = originOf(graph.results[0]!);
    const [given] = graph.arguments;
    const kept = keptForBackward(graph);
    const isOutput = ({ node, index }: (typeof kept)[number]) =>
      node === output.node && index === output.index && node !== given;
    return {
      outputShape: cotangent!.shape,
      keepsInput: kept.some(({ node }) => node === given),
      keepsOutput: kept.some(isOutput),
      innerBytes: kept
        .filter((one) => !graph.arguments.includes(one.node) && !isOutput(one))
        .reduce((sum, { node, index }) => sum + bytesOf(node.outputs[index]!), 0),
      operations: graph.nodes
        .filter(({ phase }) => phase === 'forward')
        .reduce((sum, node) => sum + operationsOf(node), 0),
    };
  } finally {
    tf.dispose([input!, cotangent!]);
  }
}
