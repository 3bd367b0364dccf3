import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs/light.js';
import type { EngineError } from '../../src/core/errors.js';
import { DATA_TYPES } from '../../src/engine/ffi/data-types.js';
import { startEngine } from '../../src/engine/start-engine.js';

const { binding } = startEngine().backend;
const failure = (body: () => unknown): EngineError => {
  try {
    body();
  } catch (error) {
    return error as EngineError;
  }
  throw new Error('nothing was thrown');
};
const schema = protobuf.Root.fromJSON({
  nested: {
    Attr: { fields: { type: { type: 'int32', id: 6 } } },
    Entry: { fields: { key: { type: 'string', id: 1 }, value: { type: 'Attr', id: 2 } } },
    Node: {
      fields: {
        name: { type: 'string', id: 1 },
        op: { type: 'string', id: 2 },
        input: { rule: 'repeated', type: 'string', id: 3 },
        // A map is an array of entries on the wire.
        attr: { rule: 'repeated', type: 'Entry', id: 5 },
      },
    },
    Versions: { fields: { producer: { type: 'int32', id: 1 } } },
    Graph: {
      fields: { node: { rule: 'repeated', type: 'Node', id: 1 }, versions: { type: 'Versions', id: 4 } },
    },
    Info: { fields: { tags: { rule: 'repeated', type: 'string', id: 4 } } },
    MetaGraph: { fields: { info: { type: 'Info', id: 1 }, graph: { type: 'Graph', id: 2 } } },
    SavedModel: {
      fields: { version: { type: 'int64', id: 1 }, metaGraphs: { rule: 'repeated', type: 'MetaGraph', id: 2 } },
    },
  },
});
const node = (name: string, op: string, type: string, input: string[] = []): object => ({
  ...{ name, op, input },
  attr: [{ key: type, value: { type: DATA_TYPES.float32 } }],
});
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-saved-model-'));
  const type = schema.lookupType('SavedModel');
  const graph = {
    node: [node('x', 'Placeholder', 'dtype'), node('y', 'Square', 'T', ['x'])],
    versions: { producer: 1994 },
  };
  const model = type.fromObject({ version: 1, metaGraphs: [{ info: { tags: ['serve'] }, graph }] });
  writeFileSync(join(folder, 'saved_model.pb'), type.encode(model).finish());
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('SavedModels', () => {
  it('are loaded, run and deleted', () => {
    const model = binding.loadSavedModel(folder, 'serve');
    expect(binding.getNumOfSavedModels()).toBe(1);
    const x = binding.createTensor([2], DATA_TYPES.float32, Float32Array.of(3, -4));
    const [y] = binding.runSavedModel(model, [x], 'x:0', 'y:0');
    expect(binding.tensorDataSync(y!.id)).toEqual(Float32Array.of(9, 16));
    expect(failure(() => binding.runSavedModel(model, [x], 'nothing:0', 'y:0')).received).toBe('"nothing:0"');
    expect(failure(() => binding.runSavedModel(model, [], 'x:0', 'y:0')).received).toBe('0 tensors');
    const before = binding.handles.live;
    binding.deleteTensor(y!.id);
    binding.deleteTensor(x);
    expect(binding.handles.live).toBe(before - 2);
    binding.deleteSavedModel(model);
    expect(binding.getNumOfSavedModels()).toBe(0);
    expect(failure(() => binding.runSavedModel(model, [], '', 'y:0')).kind).toBe('saved-model');
  });

  it('name what TensorFlow says of a folder that is none', () => {
    expect(failure(() => binding.loadSavedModel(join(folder, 'absent'), 'serve')).received).toContain('NOT_FOUND');
    expect(binding.getNumOfSavedModels()).toBe(0);
  });
});
