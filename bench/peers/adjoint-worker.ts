import { readFileSync } from 'node:fs';
import { startEngine, toHostArray, type BaseModel, type HostArray } from 'adjoint';
import { readTask, type Task } from '../compare/task.js';
import { ResidentMemory } from '../memory/resident-memory.js';
import { adjointModel, type BenchCheckpoint } from './adjoint-model.js';
import { HostBatches } from './host-batches.js';
import type { BenchPrecision, PeerFacts, StepMemory, Variant, Worker } from './worker.js';

/** A traced step takes seconds. */
const TRACED_RUNS = 2;

const VARIANTS: readonly Variant[] = [
  { name: 'fit' },
  { name: 'trainOnBatch', extra: true },
  { name: 'fit, execution eager', extra: true },
];

/** Adjoint through its public API. */
export class AdjointWorker implements Worker {
  private readonly models = new Map<string, BaseModel>();
  private precision: BenchPrecision = 'float32';
  private readonly resident: ResidentMemory | undefined;
  /** With the model built and not yet trained. */
  private residentBefore = 0;
  private hasRun = false;
  private residentAtFirst = 0;

  /** @param checkpoint - what the memory suite compares */
  constructor(private readonly checkpoint?: string) {
    if (checkpoint !== undefined) this.resident = new ResidentMemory();
  }
  private task: Task | undefined;
  private arrays: { x: HostArray; y: HostArray; weights: Float32Array[] } | undefined;

  facts(): PeerFacts {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    const engine = startEngine();
    return {
      adjoint: manifest.version,
      libtensorflow: engine.version,
      device: engine.device,
      node: process.versions.node,
    };
  }

  load(task: Task, precision: BenchPrecision): Variant[] {
    this.precision = precision;
    for (const model of this.models.values()) model.dispose();
    this.models.clear();
    const { x, y, weights } = readTask(task);
    this.task = task;
    this.arrays = {
      x: toHostArray(x, 'x', { shape: [task.examples, ...task.workload.input] }),
      y: toHostArray(y, 'y'),
      weights,
    };
    return precision === 'float32' && this.checkpoint === undefined ? [...VARIANTS] : VARIANTS.slice(0, 1);
  }

  async prepare(variant: string): Promise<void> {
    const execution = variant === 'fit, execution eager' ? 'eager' : 'auto';
    this.hasRun = false;
    this.models.set(
      variant,
      adjointModel(this.task!.workload, {
        execution,
        precision: this.precision === 'bfloat16' ? 'mixed_bfloat16' : 'float32',
        weights: this.arrays!.weights,
        checkpoint: this.checkpoint as BenchCheckpoint | undefined,
      }),
    );
    if (this.resident !== undefined) this.residentBefore = this.resident.reset();
  }

  async check(variant: string): Promise<{ loss: number; gradients: Float32Array }> {
    const model = this.models.get(variant)!;
    const { x, y } = new HostBatches(this.arrays!.x, this.arrays!.y, this.task!.workload.checked).first();
    const gradients = await model.gradients(x, y);
    const values = Object.values(gradients).map((gradient) => gradient!.dataSync<'float32'>());
    for (const gradient of Object.values(gradients)) gradient!.dispose();
    const { loss } = await model.trainOnBatch(x, y);
    return { loss: loss!, gradients: Float32Array.from(values.flatMap((array) => [...array])) };
  }

  async run(variant: string, epochs: number): Promise<void> {
    const model = this.models.get(variant)!;
    const { x, y } = this.arrays!;
    const { batch } = this.task!.workload;
    if (variant !== 'trainOnBatch') {
      await model.fit(x, y, { epochs, batchSize: batch, verbose: 0 });
      if (this.resident !== undefined && !this.hasRun) this.residentAtFirst = this.resident.peak - this.residentBefore;
      this.hasRun = true;
      return;
    }
    const batches = new HostBatches(x, y, batch);
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { x: inputs, y: labels } of batches.shuffled()) await model.trainOnBatch(inputs, labels);
    }
  }

  async memory(variant: string): Promise<StepMemory> {
    const { resident, residentBefore, residentAtFirst } = this;
    resident!.reset();
    await this.run(variant, 1);
    const grown = resident!.peak - residentBefore;
    const { x, y } = this.arrays!;
    const { peakBytes } = await this.models.get(variant)!.profile(x, y, {
      batchSize: this.task!.workload.batch,
      runs: TRACED_RUNS,
    });
    return { peak: peakBytes, resident: grown, residentAtFirst };
  }
}
