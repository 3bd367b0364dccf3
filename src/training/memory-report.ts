import Table from 'cli-table3';

/** What a step holds of one kind, in bytes. */
export interface StepMemoryBytes {
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** The most that the step holds at once beside weights, state and batch: activations, gradients and what ops need meanwhile. */
  readonly peak: number;
}

/** The numbers of a {@link MemoryReport}. */
export interface MemoryReportBytes {
  readonly batchSize: number;
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizerState: number;
  readonly input: number;
  readonly withPolicy: StepMemoryBytes;
  readonly withoutPolicy: StepMemoryBytes;
  readonly measured?: number;
}

/**
 * What training takes in memory, in bytes; made by `model.memoryReport`.
 *
 * `total` is what a step holds at its height: parameters, optimizer state, input and `peak`, in which gradients are.
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 64, activation: 'relu', inputShape: [32] }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * const report = await model.memoryReport({ batchSize: 1000 });
 * console.log(report.parameters, report.optimizerState >= 2 * report.parameters); // 8708 true
 * model.dispose();
 * ```
 */
export class MemoryReport {
  readonly batchSize: number;
  /** All weights, statistics included. */
  readonly parameters: number;
  /** One number for each trained parameter; counted in `peak`, as far as they are there at once. */
  readonly gradients: number;
  /** Slots, running averages and sums of gradients. */
  readonly optimizerState: number;
  /** Inputs and labels of one batch. */
  readonly input: number;
  /** Predicted: what the forward pass keeps for the backward pass, under the checkpointing in force. */
  readonly activations: number;
  /** Predicted: the same if nothing were checkpointed. */
  readonly activationsWithoutPolicy: number;
  /** Predicted: the most that a recorded step holds at once beside parameters, optimizer state and input. */
  readonly peak: number;
  /** Predicted: the same if nothing were checkpointed. */
  readonly peakWithoutPolicy: number;
  /** `peak` as a traced step had it; `undefined` where no data was given. */
  readonly measured: number | undefined;

  /** @internal */
  constructor(
    private readonly title: string,
    bytes: MemoryReportBytes,
  ) {
    this.batchSize = bytes.batchSize;
    this.parameters = bytes.parameters;
    this.gradients = bytes.gradients;
    this.optimizerState = bytes.optimizerState;
    this.input = bytes.input;
    this.activations = bytes.withPolicy.activations;
    this.activationsWithoutPolicy = bytes.withoutPolicy.activations;
    this.peak = bytes.withPolicy.peak;
    this.peakWithoutPolicy = bytes.withoutPolicy.peak;
    this.measured = bytes.measured;
  }

  /** Parameters, optimizer state, input and the step's peak, predicted. */
  get total(): number {
    return this.parameters + this.optimizerState + this.input + this.peak;
  }

  /** The report as a table in megabytes of 10^6 bytes. */
  table(): string {
    const table = new Table({
      head: ['', 'MB', 'MB without checkpoints'],
      colAligns: ['left', 'right', 'right'],
      style: { head: [], border: [], compact: true },
    });
    const row = (name: string, bytes: number, without?: number) =>
      table.push([name, megabytes(bytes), without === undefined ? '' : megabytes(without)]);
    row('parameters', this.parameters);
    row('optimizer state', this.optimizerState);
    row('batch', this.input);
    row('gradients, if all at once', this.gradients);
    row('activations kept', this.activations, this.activationsWithoutPolicy);
    row('peak of a step beside parameters, state and batch', this.peak, this.peakWithoutPolicy);
    if (this.measured !== undefined) row('the same, measured', this.measured);
    row('in all', this.total, this.total - this.peak + this.peakWithoutPolicy);
    return `${this.title}\n${table.toString()}`;
  }

  /** The same as {@link MemoryReport.table}. */
  toString(): string {
    return this.table();
  }
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value.toFixed(value < 1 ? 3 : value < 100 ? 1 : 0);
}
