import { afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { installAutodiff } from '../../src/autodiff/install-autodiff.js';
import { onEngineStart, startEngine, type Engine } from '../../src/engine/start-engine.js';

/** Starts the engine with autodiff installed, and lets no test of the file leave a tensor or variable behind. */
export function useTestEngine(): void {
  let engine: Engine;
  let before: { tensors: number; variables: number };

  beforeAll(() => {
    onEngineStart(installAutodiff);
    engine = startEngine();
  });

  const live = () => {
    const { tensors, variables } = engine.counters();
    return { tensors, variables };
  };
  beforeEach(() => {
    before = live();
  });
  afterEach(() => {
    expect(live()).toEqual(before);
  });
}
