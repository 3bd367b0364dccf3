// A share of the cases in a process of its own: `node --import tsx test/gradients/worker.ts ours|plain SHARE OF`.
import 'reflect-metadata';
import { installAutodiff } from '../../src/autodiff/install-autodiff.js';
import { onEngineStart, startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { allCases } from './all-cases.js';
import { EXCLUDED_KERNELS } from './cases/excluded-kernels.js';
import { ownKernelNames } from './cases/own-kernels.js';
import { caseId, type GradientCase } from './gradient-case.js';
import { measure, measurePlain, type Measured, type Outcome, type Truth } from './measure.js';

export interface KernelCounts {
  /** All that are registered for the TensorFlow backend, Adjoint's own among them. */
  readonly kernels: number;
  readonly own: number;
  readonly excluded: number;
}

export interface OwnRow extends Measured {
  readonly id: string;
  readonly gradientCase: Pick<GradientCase, 'kind' | 'name' | 'point'>;
  readonly comparable: boolean;
  readonly milliseconds: number;
}

export interface PlainRow {
  readonly id: string;
  readonly outcomes: readonly [Outcome, Outcome];
}

export type Answer = { readonly counts: KernelCounts } | { readonly own: OwnRow } | { readonly plain: PlainRow };

async function measureOwn(share: number, of: number): Promise<void> {
  onEngineStart(installAutodiff);
  startEngine();
  const kernels = tf.getKernelsForBackend('tensorflow').length;
  const excluded = Object.keys(EXCLUDED_KERNELS).length;
  answer({ counts: { kernels, own: ownKernelNames().length, excluded } });
  for (const gradientCase of tf.tidy(
    () => chosen(share, of) as unknown as tf.TensorContainer,
  ) as unknown as GradientCase[]) {
    const started = performance.now();
    const { kind, name, point } = gradientCase;
    const measured = await measure(gradientCase);
    const comparable = gradientCase.plain !== null;
    const milliseconds = performance.now() - started;
    answer({
      own: { id: caseId(gradientCase), gradientCase: { kind, name, point }, comparable, milliseconds, ...measured },
    });
  }
}

/** Without installAutodiff: tfjs's own tape and rules, on the same engine. */
async function measurePlainOnes(truths: Readonly<Record<string, Truth>>): Promise<void> {
  startEngine();
  for (const gradientCase of allCases()) {
    const truth = truths[caseId(gradientCase)];
    if (truth === undefined || gradientCase.plain === null) continue;
    const outcomes = await measurePlain(gradientCase.plain ?? gradientCase.fn, truth).catch((error: unknown) => {
      throw new Error(`${caseId(gradientCase)}: ${String(error)}`);
    });
    answer({ plain: { id: caseId(gradientCase), outcomes } });
  }
}

function chosen(share: number, of: number): GradientCase[] {
  return allCases().filter((_, i) => i % of === share);
}

function answer(message: Answer): void {
  process.send!(message);
}

const [mode, share, of] = process.argv.slice(2);
if (mode === 'ours') {
  await measureOwn(Number(share), Number(of));
  process.disconnect();
} else {
  process.once('message', (truths: Readonly<Record<string, Truth>>) => {
    void measurePlainOnes(truths).then(() => process.disconnect());
  });
}
