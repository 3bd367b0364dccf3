import { expect } from '@jest/globals';
import { AdjointError } from '../../src/core/errors.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { liveObjects, weightsOf } from './models.js';

/**
 * The message of an error that something is refused with; nothing was trained, to the bit, and nothing leaked.
 *
 * @param attempt - what is refused, at once or by a promise
 */
export async function refusal(model: BaseModel, attempt: () => unknown): Promise<string> {
  const weights = weightsOf(model);
  const live = liveObjects();
  let error: unknown = 'nothing was refused';
  try {
    await attempt();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(AdjointError);
  expect(weightsOf(model)).toEqual(weights);
  expect(liveObjects()).toEqual(live);
  const { name, kind, message } = error as AdjointError;
  expect(message.startsWith(`${name} [${kind}] `)).toBe(true);
  expect(name).toBe((error as object).constructor.name);
  return message;
}
