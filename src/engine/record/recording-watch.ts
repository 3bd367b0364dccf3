import type { Logger } from '../../core/logger.js';
import type { Tensor } from '../tfjs.js';

/** New recordings in a row after which it is said that something changes with every step. */
const TOLERATED = 3;

/** Notices when every step needs a recording of its own, which costs more than running it op by op. */
export class RecordingWatch {
  private readonly streaks = new Map<string, { length: number; specs: Map<string, string> }>();
  private warned = false;

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
    if (length <= TOLERATED || this.warned) return;
    this.warned = true;
    const changes = [...specs]
      .filter(([name, spec]) => before!.specs.get(name) !== spec)
      .map(([name, spec]) => `${name} from ${before!.specs.get(name) ?? 'absent'} to ${spec}`);
    this.logger.warn(
      `${this.describe()}: ${length} steps in a row had to be recorded anew, because ${changes.join(' and ')} ` +
        `changed. Give batches one shape (dropRemainder, padding), or set execution: 'eager'.`,
    );
  }
}
