import { EngineError } from '../../core/errors.js';
import { withBuffer } from './buffers.js';
import type { CApi } from './c-api.js';
import { setAddressAt } from './native-memory.js';
import type { Status } from './status.js';

/** Size of the C struct `TF_Output`: an address, an int32, padding. */
const OUTPUT_WORDS = 4;

/** Reads a serialised GraphDef into a native graph. */
export function importGraph(api: CApi, status: Status, graph: number, bytes: Uint8Array, where: string): void {
  const options = api.TF_NewImportGraphDefOptions();
  try {
    withBuffer(api, bytes, (buffer) => api.TF_GraphImportGraphDef(graph, buffer, options, status.address));
  } finally {
    api.TF_DeleteImportGraphDefOptions(options);
  }
  status.check(where, 'function-definition');
}

/** An array of `TF_Output`. */
export function outputs(
  api: CApi,
  graph: number,
  places: readonly (readonly [node: string, index: number])[],
  where: string,
): Uint32Array {
  const words = new Uint32Array(Math.max(32, OUTPUT_WORDS * places.length));
  for (const [i, [name, index]] of places.entries()) {
    setAddressAt(words, (OUTPUT_WORDS / 2) * i, operation(api, graph, name, where));
    words[OUTPUT_WORDS * i + 2] = index;
  }
  return words;
}

/** An array of `TF_Operation *`. */
export function operations(api: CApi, graph: number, names: readonly string[], where: string): Uint32Array {
  const words = new Uint32Array(Math.max(32, 2 * names.length));
  names.forEach((name, i) => setAddressAt(words, i, operation(api, graph, name, where)));
  return words;
}

function operation(api: CApi, graph: number, name: string, where: string): number {
  const address = api.TF_GraphOperationByName(graph, name);
  if (address !== 0) return address;
  throw new EngineError('function-definition', { where, expected: `a node "${name}"`, received: 'none of that name' });
}
