import Table from 'cli-table3';
import type { Phase } from '../core/path-scope.js';
import type { FaultyExamples } from './faulty-examples.js';
import type { ValueStatistics } from './value-statistics.js';

/**
 * What a non-finite value comes from: an `op` that made it out of finite numbers; what was not finite before the step, an
 * `input` of the batch, a `weight`, `state` of the optimizer or another part of training, a `learningRate`; a `constant` in
 * the code; `unreproduced` where the step was finite when it was run again.
 */
export type NonFiniteKind = 'op' | 'input' | 'weight' | 'state' | 'learningRate' | 'constant' | 'unreproduced';

/** Everything that {@link NonFiniteReport} tells. */
export interface NonFiniteFindings {
  readonly kind: NonFiniteKind;
  /** The TensorFlow op: `Log`, `RealDiv`; `''` unless an op or a constant is to blame. */
  readonly op: string;
  /** The part of the step that the op belongs to; `null` unless an op or a constant is to blame. */
  readonly phase: Phase | null;
  /** Path of the layer whose call, or gradient, has the op; `''` outside of layers. */
  readonly layer: string;
  /** Path of the weight that is updated or not finite, or name of the state; `''` for none. */
  readonly weight: string;
  /** What the op belongs to outside of layers, such as `loss mean_squared_error`, or the custom rule that it runs in. */
  readonly part: string;
  /** Whether the op belongs to the second run of a checkpointed layer. */
  readonly recomputed: boolean;
  /** What the op took. */
  readonly inputs: readonly ValueStatistics[];
  /** What it made, or what was not finite before the step; `null` where nothing was found. */
  readonly output: ValueStatistics | null;
  /** Which examples of the batch cause it; `'all'`: it does not depend on single ones. */
  readonly examples: FaultyExamples;
  /** Number of examples of the batch. */
  readonly batchSize: number;
  readonly reason: string;
  readonly fix: string;
  /** How the step was run again: as its graph or, where it cannot be recorded, op by op. */
  readonly mode: 'recorded' | 'eager';
  /** Whether a run op by op finds the same op; `null` where that was the only run. */
  readonly confirmedEagerly: boolean | null;
  /** Further ops that make non-finite values by themselves. */
  readonly others: number;
}

/** The most examples that a sentence lists. */
const LISTED = 8;

/**
 * Where the first non-finite value of a step was made, out of what, by which examples, and what helps.
 *
 * `NonFiniteGuard` makes it; its fields are plain data, for `JSON.stringify`.
 *
 * @example
 * ```ts
 * import { layers, NonFiniteGuard, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 }), layers.activation({ activation: (x) => tf.log(tf.sub(x, x)) })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const guard = new NonFiniteGuard({ onReport: () => {} });
 * await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { verbose: 0, callbacks: [guard] });
 * const [report] = guard.reports;
 * console.log(report?.op, report?.layer, report?.reason); // Log activation log of 0: ...
 * model.dispose();
 * ```
 */
export class NonFiniteReport implements NonFiniteFindings {
  readonly kind!: NonFiniteKind;
  readonly op!: string;
  readonly phase!: Phase | null;
  readonly layer!: string;
  readonly weight!: string;
  readonly part!: string;
  readonly recomputed!: boolean;
  readonly inputs!: readonly ValueStatistics[];
  readonly output!: ValueStatistics | null;
  readonly examples!: FaultyExamples;
  readonly batchSize!: number;
  readonly reason!: string;
  readonly fix!: string;
  readonly mode!: 'recorded' | 'eager';
  readonly confirmedEagerly!: boolean | null;
  readonly others!: number;

  /**
   * @param where - the model and the step, as a phrase: `epoch 1, batch 3 of model "digits"`
   * @internal
   */
  constructor(
    readonly where: string,
    findings: NonFiniteFindings,
  ) {
    Object.assign(this, findings);
  }

  /** What is to blame, as a phrase: `Log in the forward pass of layer "head"`. */
  get culprit(): string {
    const { kind, op } = this;
    switch (kind) {
      case 'input':
        return `${this.output!.name} of the batch`;
      case 'weight':
      case 'state':
        return `${this.output!.name} before the step`;
      case 'learningRate':
        return 'the learning rate';
      case 'constant':
        return `a constant in ${this.place}`;
      case 'unreproduced':
        return 'nothing that a second run shows';
      case 'op':
        return `${op} in ${this.place}`;
    }
  }

  /** The same as {@link NonFiniteReport.table}. */
  toString(): string {
    return this.table();
  }

  /** The report as lines for a terminal. */
  table(): string {
    const { where, culprit, reason, fix, inputs, output } = this;
    const lines = [
      `Not finite: ${where}`,
      `  first     ${culprit}`,
      `  reason    ${reason}`,
      `  fix       ${fix}`,
      `  examples  ${this.exampleText()}`,
      `  checked   ${this.checkText()}`,
    ];
    if (output === null) return lines.join('\n');
    const table = new Table({
      head: ['', 'value', 'type', 'shape', 'min', 'max', 'mean', 'NaN', 'Inf', 'zeros'],
      colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
      style: { head: [], border: [], compact: true },
    });
    for (const [role, value] of [...inputs.map((input) => ['in', input] as const), ['out', output] as const]) {
      const { name, dtype, shape, min, max, mean, nan, infinite, zeros } = value;
      const numbers = [min, max, mean].map(format);
      table.push([role, name, dtype, `[${shape.join(', ')}]`, ...numbers, nan, infinite, zeros]);
    }
    return [...lines, table.toString()].join('\n');
  }

  private get place(): string {
    const { phase, layer, weight, part, recomputed } = this;
    const of = layer !== '' ? `layer "${layer}"` : partText(part);
    const rule = layer !== '' && part !== '' ? ` (${part})` : '';
    if (phase === 'update')
      return weight === '' ? `the update${of === '' ? '' : ` (${of})`}` : `the update of weight "${weight}"`;
    const pass = recomputed ? 'the recomputation for the gradient' : `the ${phase} pass`;
    return `${pass}${of === '' ? ', outside of layers' : ` of ${of}`}${rule}`;
  }

  private exampleText(): string {
    const { examples, batchSize, kind } = this;
    if (kind === 'unreproduced') return 'unknown';
    if (examples === 'all') return `the whole batch of ${batchSize}`;
    const more = examples.length > LISTED ? `, and ${examples.length - LISTED} more` : '';
    return `${examples.slice(0, LISTED).join(', ')}${more} of the batch of ${batchSize}, counted from 0`;
  }

  private checkText(): string {
    const { mode, confirmedEagerly, others } = this;
    const second =
      confirmedEagerly === null
        ? 'run again op by op'
        : `run again as its graph (${mode}); op by op ${confirmedEagerly ? 'the same op' : 'ANOTHER op'} is first`;
    return others === 0
      ? second
      : `${second}; ${others} later op${others === 1 ? '' : 's'} made non-finite values of ${others === 1 ? 'its' : 'their'} own`;
  }
}

function partText(part: string): string {
  return part === '' ? '' : part.startsWith('rule ') ? part : `the ${part}`;
}

function format(value: number): string {
  if (Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
