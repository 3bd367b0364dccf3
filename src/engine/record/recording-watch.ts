import type { Logger } from '../../core/logger.js';
import type { Tensor } from '../tfjs.js';

/** New recordings in a row after which it is said that something changes with every step. */
const TOLERATED = 3;

/** A step that had to be recorded. */
export interface RecordingNote {
  /** What was recorded: steps of another kind are others. */
  readonly key: string;
  /** Steps of this kind in a row, this one included, that had to be recorded. */
  readonly streak: number;
  /** What is not as in the step before, e.g. `x from float32 [8, 3] to float32 [7, 3]`; none in the first. */
  readonly changes: readonly string[];
}

/** Notices when every step needs a recording of its own, which costs more than running it op by op. */
export class RecordingWatch {
  private readonly streaks = new Map<string, { length: number; specs: Map<string, string> }>();
  private warned = false;
  /** How many steps had to be recorded, and the last of them. */
  made = 0;
  last: RecordingNote | null = null;

  /** @param describe - how the warning names what is recorded */
  constructor(
    private readonly describe: () => string,
    private readonly logger: Logger,
  ) {}

  /** Takes note of a step: its inputs by name, and whether it has to be recorded. */
  step(key: string, inputs: Readonly<Record<string, Tensor>>, isNew: boolean): void {
    const specs = new Map(
      Object.entries(inputs).map(([name, { dtype, shape }]) => [name, `${dtype} [${shape.join(', ')}]`]),
    );
    const before = this.streaks.get(key);
    const length = isNew ? (before?.length ?? 0) + 1 : 0;
    this.streaks.set(key, { length, specs });
    if (!isNew) return;
    const changes = [...specs]
      .filter(([name, spec]) => before !== undefined && before.specs.get(name) !== spec)
      .map(([name, spec]) => `${name} from ${before!.specs.get(name) ?? 'absent'} to ${spec}`);
    this.made += 1;
    this.last = { key, streak: length, changes };
    if (length <= TOLERATED || this.warned) return;
    this.warned = true;
    this.logger.warn(
      `${this.describe()}: ${length} steps in a row had to be recorded anew, because ${changes.join(' and ')} ` +
        `changed. Give batches one shape (dropRemainder, padding), or set execution: 'eager'.`,
    );
  }
}
