/** Something that a monitor found to be wrong. */
export interface Finding<Kind extends string = string> {
  /** Class of the callback that found it. */
  readonly monitor: string;
  readonly kind: Kind;
  /** Path of the layer or weight; `''` for the model as a whole. */
  readonly where: string;
  /** What was measured, by name, when it was last seen. */
  readonly evidence: Readonly<Record<string, number>>;
  /** A sentence with the place and the numbers. */
  readonly message: string;
  /** Index of the step since `compile` at which it was first seen. */
  readonly firstStep: number;
  /** Index of the step at which it was last seen. */
  readonly lastStep: number;
  /** How often it was seen. */
  readonly times: number;
}

/** A finding before it is known whether it was seen before. */
export type SeenFinding<F extends Finding> = Omit<F, 'monitor' | 'firstStep' | 'lastStep' | 'times'>;

/** More of them in one message are not read. */
const LINES = 5;

/** The findings of one monitor: each place and kind once. */
export class FindingLog<F extends Finding> {
  private readonly byPlace = new Map<string, F>();

  /** @param monitor - class of the callback */
  constructor(private readonly monitor: string) {}

  get all(): readonly F[] {
    return [...this.byPlace.values()];
  }

  /**
   * Takes what was seen in a step.
   *
   * @returns the text to warn with, `null` where all of it was known
   */
  add(step: number, seen: readonly SeenFinding<F>[]): string | null {
    const fresh: string[] = [];
    for (const found of seen) {
      const key = `${found.kind} ${found.where}`;
      const known = this.byPlace.get(key);
      const counts = { firstStep: known?.firstStep ?? step, lastStep: step, times: (known?.times ?? 0) + 1 };
      this.byPlace.set(key, { monitor: this.monitor, ...found, ...counts } as unknown as F);
      if (known === undefined) fresh.push(found.message);
    }
    if (fresh.length === 0) return null;
    const rest = fresh.length - LINES;
    const lines = [...fresh.slice(0, LINES), ...(rest > 0 ? [`and ${rest} more: see findings`] : [])];
    return lines.map((line) => `${this.monitor}, step ${step}: ${line}`).join('\n');
  }

  clear(): void {
    this.byPlace.clear();
  }
}
