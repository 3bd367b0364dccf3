import { describe, expect, it } from '@jest/globals';
import { ProgressBar } from '../../src/callbacks/progress-bar.js';
import { callbackContract, inHook } from '../helpers/callback-contract.js';
import { FakeRun, type FakeRunPlan } from '../helpers/fake-run.js';
import { ESCAPE, screen, textStream } from '../helpers/text-stream.js';

callbackContract(ProgressBar, {
  options: { stream: textStream(80), secondsBetweenLines: 5 },
  refused: [
    [{ stream: {} }, /stream must be a writable stream/],
    [{ secondsBetweenLines: -1 }, /"secondsBetweenLines"[^]*a finite number of at least 0/],
  ],
});

/** Longer than the time between two drawings, so that each step draws. */
const STEP_MILLISECONDS = 110;
const pause = (): void => {
  for (const end = performance.now() + STEP_MILLISECONDS; performance.now() < end;);
};

const plan: FakeRunPlan = {
  epochs: 2,
  steps: 3,
  verbose: 1,
  loss: () => 0.10234,
  metrics: () => ({ accuracy: 0.97121 }),
  validation: () => ({ val_loss: 0.00001234 }),
  millisecondsPerStep: 25.4,
};

async function shown(
  columns: number | undefined,
  changes: FakeRunPlan = {},
): Promise<{ lines: string[]; raw: string }> {
  const stream = textStream(columns);
  await new FakeRun({ ...plan, ...changes }).train(new ProgressBar({ stream, secondsBetweenLines: 0 }));
  return { lines: screen(stream.text()), raw: stream.text() };
}

/** The states that one terminal line went through. */
const drawings = (raw: string): string[] => raw.split(`${ESCAPE}[1G`).map((part) => part.split(ESCAPE)[0]!);

describe('ProgressBar in a terminal', () => {
  it('leaves one line an epoch, which says steps, speed, numbers and mode', async () => {
    const { lines } = await shown(120);
    const rest = '3/3 steps  25 ms/step  loss 0.1023  accuracy 0.9712  val_loss 1.23e-5  (eager)';
    expect(lines).toEqual([`Epoch 1/2  ${rest}`, `Epoch 2/2  ${rest}`, '']);
  });

  it('draws a bar with steps, remaining time, speed and running numbers meanwhile', async () => {
    const { raw } = await shown(120, { epochs: 1, step: pause, millisecondsPerStep: 61_000 });
    const states = drawings(raw).filter((state) => state.includes('░') || state.includes('█'));
    expect(states).toContain(`Epoch 1/1  ${'░'.repeat(24)}  0/3`);
    expect(states).toContain(
      `Epoch 1/1  ${'█'.repeat(16)}${'░'.repeat(8)}  2/3  ETA 1m01s  loss 0.1023  accuracy 0.9712  61000 ms/step`,
    );
    expect(states.at(-1)).toContain('3/3  validating');
  });

  it('draws at most about ten times a second, however many steps there are', async () => {
    const start = performance.now();
    const { raw } = await shown(120, { epochs: 1, steps: 5000, validation: undefined });
    const most = 3 + (performance.now() - start) / 100;
    expect(drawings(raw).filter((state) => /[░█]/u.test(state)).length).toBeLessThanOrEqual(most);
  });

  it('does without a bar where the number of steps is unknown', async () => {
    const { raw, lines } = await shown(120, { epochs: 1, step: pause, stepsKnown: false });
    expect(raw).not.toMatch(/[░█]/u);
    expect(drawings(raw)).toContain('Epoch 1/1  2 steps  loss 0.1023  accuracy 0.9712  25 ms/step');
    expect(lines[0]).toBe('Epoch 1/1  3 steps  25 ms/step  loss 0.1023  accuracy 0.9712  val_loss 1.23e-5  (eager)');
  });

  it.each([30, 45, 60, 80])('fits into %p columns: cut while it runs, wrapped in the end', async (columns) => {
    const metrics = (): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a_rather_long_metric_${i}`, i]));
    const { raw, lines } = await shown(columns, { epochs: 1, step: pause, metrics });
    for (const state of drawings(raw)) for (const line of state.split('\n')) expect(line.length).toBeLessThan(columns);
    expect(drawings(raw).some((state) => state.endsWith('…'))).toBe(true);
    expect(lines.length).toBeGreaterThan(4);
    const indent = columns < 60 ? 2 : 'Epoch 1/1  '.length;
    expect(lines.slice(1, -1).map((line) => line.search(/\S/))).toEqual(Array(lines.length - 2).fill(indent));
    expect(lines.join(' ')).toContain('a_rather_long_metric_8 8.0000');
  });

  it('keeps the bar in 80 columns, also while validating', async () => {
    const { raw } = await shown(80, {
      epochs: 2,
      steps: 63,
      step: (_epoch, batch) => (batch % 30 === 29 ? pause() : undefined),
    });
    const states = drawings(raw).filter((state) => state.includes('loss') && !state.includes('(eager)'));
    expect(states.some((state) => state.includes('validating'))).toBe(true);
    expect(states.every((state) => /[█░]{6,}/u.test(state))).toBe(true);
  });

  it('changes no setting of the terminal: cursor, wrapping and saved position stay', async () => {
    const { raw } = await shown(80, { step: pause });
    const commands = raw
      .split(ESCAPE)
      .slice(1)
      .map((part) => /^\[?.[A-Za-z]?/.exec(part)![0]);
    expect(new Set(commands)).toEqual(new Set(['[1G', '[0K', '[2K']));
  });

  it('ends the line of an epoch that an error ended, so that the error begins on its own', async () => {
    const stream = textStream(120);
    const bar = new ProgressBar({ stream });
    const boom = inHook('onBatchEnd', (batch) => {
      pause();
      if (batch === 2) throw new Error('boom');
    });
    await expect(new FakeRun(plan).train(bar, boom)).rejects.toThrow('boom');
    const rest = '3/3 steps  25 ms/step  loss 0.1023  accuracy 0.9712  (eager)  interrupted';
    expect(screen(stream.text())).toEqual([`Epoch 1/2  ${rest}`, '']);
  });

  it('says why training stopped', async () => {
    const stream = textStream(120);
    const run: FakeRun = new FakeRun({ ...plan, epochs: 10, step: () => run.stop('the judge says so') });
    await run.train(new ProgressBar({ stream }));
    expect(screen(stream.text())).toEqual([
      'Epoch  1/10  1/3 steps  25 ms/step  loss 0.1023  accuracy 0.9712  (eager)',
      'Stopped: the judge says so',
      '',
    ]);
  });
});

describe('ProgressBar without a terminal', () => {
  it('writes plain lines, one an epoch and some in between', async () => {
    const { raw, lines } = await shown(undefined, { epochs: 1 });
    expect(raw).not.toContain(ESCAPE);
    expect(lines).toEqual([
      'Epoch 1/1  1/3  ETA 0s  loss 0.1023  accuracy 0.9712  25 ms/step',
      'Epoch 1/1  2/3  ETA 0s  loss 0.1023  accuracy 0.9712  25 ms/step',
      'Epoch 1/1  3/3 steps  25 ms/step  loss 0.1023  accuracy 0.9712  val_loss 1.23e-5  (eager)',
      '',
    ]);
  });

  it('writes one line an epoch with verbose 2, also in a terminal', async () => {
    for (const columns of [undefined, 40]) {
      const { raw } = await shown(columns, { verbose: 2, step: pause });
      expect(raw.split('\n')).toHaveLength(3);
      expect(raw).toMatch(/^Epoch 1\/2 {2}3\/3 steps .*\(eager\)\nEpoch 2\/2 .*\(eager\)\n$/);
    }
  });

  it('is silent with verbose 0', async () => {
    expect((await shown(undefined, { verbose: 0 })).raw).toBe('');
    expect((await shown(80, { verbose: 0 })).raw).toBe('');
  });
});
