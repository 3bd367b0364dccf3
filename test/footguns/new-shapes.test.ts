import { expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';
import { makeModel } from '../helpers/footgun.js';

useTestEngine();

const batch = (rows: number) => ({ x: tf.ones([rows, 3]), y: tf.ones([rows, 1]) });

it('a new shape in every step is reported once, after the third, with what changes', async () => {
  const { model, warnings } = makeModel('recorded');
  for (let rows = 1; rows <= 6; rows++) {
    const { x, y } = batch(rows);
    await model.trainOnBatch(x, y);
    tf.dispose([x, y]);
    expect(warnings).toHaveLength(rows <= 3 ? 0 : 1);
  }
  expect(warnings[0]).toMatch(/^model "net"/);
  expect(warnings[0]).toContain('x from float32 [3, 3] to float32 [4, 3] and y from float32 [3, 1] to float32 [4, 1]');
  expect(warnings[0]).toContain("execution: 'eager'");
  model.dispose();
});

it('a short last batch in every epoch is none', async () => {
  const { model, warnings } = makeModel('recorded');
  const { x, y } = batch(7);
  await model.fit(x, y, { epochs: 5, batchSize: 3, verbose: 0 });
  expect(warnings).toEqual([]);
  tf.dispose([x, y]);
  model.dispose();
});
