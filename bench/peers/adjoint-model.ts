import {
  Adam,
  layers,
  sequential,
  SparseCategoricalCrossentropy,
  tf,
  type BaseLayer,
  type BaseModel,
  type Precision,
} from 'adjoint';
import type { MemoryWorkload } from '../memory/memory-workloads.js';
import type { NetworkLayer } from '../compare/network.js';
import { ADAM, type Workload } from '../compare/workloads.js';

/** The policies that the memory suite compares. */
export type BenchCheckpoint = 'none' | 'all' | 'sqrt' | 'budget';

/** A compiled model of a workload, with the given weights where there are any. */
export function adjointModel(
  workload: Workload,
  options: {
    execution?: 'auto' | 'eager';
    precision?: Precision;
    weights?: readonly Float32Array[];
    checkpoint?: BenchCheckpoint;
  } = {},
): BaseModel {
  const { checkpoint } = options;
  const model = sequential(workload.network.map(toLayer));
  model.compile({
    optimizer: new Adam(ADAM),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    execution: options.execution ?? 'auto',
    precision: options.precision ?? 'float32',
    checkpoint: checkpoint === 'budget' ? { maxActivationMb: (workload as MemoryWorkload).budgetMb } : checkpoint,
  });
  model.build([null, ...workload.input]);
  if (options.weights !== undefined) {
    const shapes = [...model.weightTree()].map(([, { handle }]) => handle.shape);
    const tensors = options.weights.map((values, i) => tf.tensor(values, [...shapes[i]!]));
    model.setWeights(tensors);
    tf.dispose(tensors);
  }
  return model;
}

function toLayer(layer: NetworkLayer): BaseLayer {
  switch (layer.kind) {
    case 'conv':
      return layers.conv2d({
        filters: layer.filters,
        kernelSize: layer.size,
        strides: layer.stride,
        padding: 'same',
        useBias: layer.bias,
        activation: layer.relu ? 'relu' : 'linear',
      });
    case 'dense':
      return layers.dense({ units: layer.units, activation: layer.relu ? 'relu' : 'linear' });
    case 'norm':
      return layers.batchNormalization();
    case 'relu':
      return layers.activation({ activation: 'relu' });
    case 'maxPool':
      return layers.maxPooling2d({ poolSize: layer.size });
    case 'flatten':
      return layers.flatten();
    case 'globalPool':
      return layers.globalAveragePooling2d();
    case 'residual':
      return layers.residual({ body: layer.body.map(toLayer) });
  }
}
