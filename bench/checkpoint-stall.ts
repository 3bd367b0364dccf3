// How long training stands still while a checkpoint of 10 million parameters is made: `npm run checkpoint:stall`. The last
// line is JSON: parameters, milliseconds by which a step with a save is longer than one without, milliseconds of writing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseCallback, Backup, layers, sequential, tf, type CheckpointPoint } from 'adjoint';

const UNITS = 1280;
const LAYERS = 6;
const BATCH = 32;
const STEPS = 120;
/** Far enough apart that a checkpoint is written before the next is due. */
const EVERY = 30;
/** The step after a save copies what is still referred to; steps further on pay for reading and writing. */
const AFTER = 1;

/** A backup that notes how long the taking of a snapshot and the writing take. */
class TimedBackup extends Backup {
  readonly taken: number[] = [];
  readonly written: number[] = [];

  override async saveCheckpoint(point: CheckpointPoint): Promise<void> {
    const start = performance.now();
    await super.saveCheckpoint(point);
    this.taken.push(performance.now() - start);
  }

  override attach(run: Parameters<BaseCallback['attach']>[0]): void {
    const inBackground = (work: Promise<void>): void => {
      const start = performance.now();
      run.inBackground(work.finally(() => void this.written.push(performance.now() - start)));
    };
    super.attach(
      new Proxy(run, { get: (_, name) => (name === 'inBackground' ? inBackground : Reflect.get(run, name, run)) }),
    );
  }
}

/** When each step ended. */
class StepTimes extends BaseCallback {
  readonly ends: number[] = [];
  override onBatchEnd(): void {
    this.ends.push(performance.now());
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const directory = mkdtempSync(join(tmpdir(), 'adjoint-stall-'));
try {
  const hidden = Array.from({ length: LAYERS }, () => layers.dense({ units: UNITS, activation: 'relu' }));
  const model = sequential([...hidden, layers.dense({ units: 1 })], { inputShape: [UNITS] });
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  const [x, y] = [tf.randomNormal([BATCH * STEPS, UNITS], 0, 1, 'float32', 1), tf.zeros([BATCH * STEPS, 1])];
  const [backup, times] = [new TimedBackup({ directory, everySteps: EVERY }), new StepTimes()];
  await model.fit(x, y, { batchSize: BATCH, verbose: 0, callbacks: [times, backup] });
  const durations = times.ends.slice(1).map((end, i) => end - times.ends[i]!);
  // The time between the ends of step n and step n + 1 holds the save after step n.
  const isSaving = (i: number): boolean => (i + 1) % EVERY < AFTER && i + 1 >= EVERY;
  const usual = median(durations.slice(EVERY / 2).filter((_, i) => !isSaving(i + EVERY / 2)));
  const saving = median(durations.filter((_, i) => isSaving(i)));
  const round = (value: number): number => Math.round(value * 10) / 10;
  const parameters = model.countParams();
  console.log(`${parameters} parameters, with Adam's slots ${round((parameters * 3 * 4) / 1e6)} MB a checkpoint.`);
  console.log(
    `A step takes ${round(usual)} ms; one with a save before it ${round(saving)} ms, of which taking hold of the values is ${round(median(backup.taken))} ms.`,
  );
  console.log(JSON.stringify({ parameters, stallMs: round(saving - usual), writeMs: round(median(backup.written)) }));
  tf.dispose([x, y]);
  model.dispose();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
