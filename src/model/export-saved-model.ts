import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, OptionsError, SetupError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { sizeOf } from '../core/shape.js';
import { freezeVariables } from '../engine/record/freeze-variables.js';
import { mergeCasts } from '../engine/record/merge-casts.js';
import { openBatch } from '../engine/record/open-batch.js';
import { recordSteadily } from '../engine/record/record-steadily.js';
import type { RecordedGraph } from '../engine/record/recorded-graph.js';
import { removeDeadNodes } from '../engine/record/remove-dead-nodes.js';
import { encodeSavedModel } from '../engine/record/saved-model.js';
import { tf } from '../engine/tfjs.js';
import { writeFileAtomically } from '../storage/write-file.js';
import { NO_PLAN, predictStep } from '../training/evaluate-step.js';
import { ExportOptions } from './file-options.js';
import type { StoredModel } from './stored-model.js';
import { checkPath } from './weight-file.js';

const FILE = 'saved_model.pb';
/** Batches that are recorded to see what depends on their size; not 1, to which much is equal. */
const RECORDED_BATCHES = [3, 5, 8];
/** A serialised message of TensorFlow's ends here. */
const MOST_BYTES = 2 ** 31 - 2 ** 20;
/** Of the batch that is recorded, and so computed: 1 GiB. */
const MOST_INPUT_ELEMENTS = 2 ** 28;

/** Writes the prediction, recorded, with its weights as constants. */
export async function exportSavedModel(
  stored: StoredModel,
  directory: string,
  input: OptionsInput<ExportOptions> | undefined,
): Promise<void> {
  const where = `exportSavedModel of ${stored.model.describe()}`;
  const batchSize = parseOptions(ExportOptions, input, where).batchSize ?? undefined;
  checkPath(directory, where);
  checkSize(stored, where);
  checkBatch(stored, batchSize, where);
  await checkReplaceable(directory);
  const bytes = await stored.betweenSteps('exportSavedModel', () => {
    const sizes = batchSize === undefined ? RECORDED_BATCHES : [batchSize];
    const recordings = sizes.map((size) => freezeVariables(recordPrediction(stored, size), where));
    const graph = batchSize === undefined ? openBatch(recordings, sizes, where) : recordings[0]!;
    const { node, index } = recordings[0]!.results[0]!;
    const [, ...outputShape] = node.outputs[index]!.shape;
    return encodeSavedModel(graph, [batchSize ?? -1, ...outputShape]);
  });
  await writeFileAtomically(join(directory, FILE), [bytes]);
}

/** Without the passes that look at sizes, so that recordings of several batches stay alike. */
function recordPrediction({ model, inputShape, compiled }: StoredModel, batchSize: number): RecordedGraph {
  const x = tf.zeros([batchSize, ...inputShape]);
  try {
    const record = () => [predictStep(model, compiled?.plan ?? NO_PLAN, x)];
    return removeDeadNodes(mergeCasts(recordSteadily([x], record)));
  } finally {
    x.dispose();
  }
}

function checkSize({ model }: StoredModel, where: string): void {
  const bytes = [...model.weightTree()].reduce(
    (sum, [, { handle }]) => sum + 4 * handle.shape.reduce((product, size) => product * size, 1),
    0,
  );
  if (bytes <= MOST_BYTES) return;
  throw new SetupError('too-large', {
    where,
    expected: `weights of at most ${MOST_BYTES} bytes, which stand in the graph as constants`,
    received: `${bytes} bytes`,
    fix: 'save the weights for PyTorch or Keras: model.saveWeights(path, { weightLayout })',
  });
}

function checkBatch({ inputShape }: StoredModel, batchSize: number | undefined, where: string): void {
  const most = Math.max(1, Math.floor(MOST_INPUT_ELEMENTS / sizeOf(inputShape)));
  if (batchSize === undefined || batchSize <= most) return;
  throw new OptionsError('invalid-option', {
    where: `option "batchSize" of ${where}`,
    expected: `at most ${most}, for one such batch is computed`,
    received: String(batchSize),
    fix: 'leave it out: the graph takes batches of any size then',
  });
}

/** Nobody's own files are replaced: with the variables of another model the new graph would be a riddle. */
async function checkReplaceable(directory: string): Promise<void> {
  const found = await lstat(directory).catch(() => undefined);
  if (found === undefined) return;
  const names = found.isDirectory() ? await readdir(directory) : undefined;
  if (names?.every((name) => name === FILE) === true) return;
  throw new DataError('not-ours', {
    where: `folder ${JSON.stringify(directory)}`,
    expected: `a new path, an empty folder, or one that holds ${FILE} alone`,
    received: names === undefined ? 'a file' : `a folder with ${names.slice(0, 5).join(', ')}`,
    fix: 'write to another path, or remove what is there first',
  });
}
