import Table from 'cli-table3';
import { formatShape, sizeOf, type Shape } from '../core/shape.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import type { MemoryReport } from '../training/memory-report.js';
import type { Trainable } from '../training/trainable.js';
import { collectLayers, collectWeights } from './collect-weights.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** The table that `summary` prints: each layer with its output's shape and its parameters; below it, what training takes. */
export function formatSummary(model: AnyLayer & Trainable, memory?: MemoryReport): string {
  const table = new Table({
    head: ['layer', 'output', 'parameters'],
    colAligns: ['left', 'left', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [path, layer] of collectLayers(model)) {
    const own = layer.ownWeights.reduce((sum, handle) => sum + sizeOf(handle.shape), 0);
    table.push([`${path} (${layer.constructor.name})`, formatOutput(layer.outputShape), own.toLocaleString('en')]);
  }
  const weights = [...collectWeights(model)].map(([, weight]) => weight);
  const count = (kept: typeof weights) => kept.reduce((sum, { handle }) => sum + sizeOf(handle.shape), 0);
  const total = count(weights);
  const trained = count(weights.filter(({ trainable }) => trainable));
  return [
    `Model "${model.name}" (${model.constructor.name})`,
    table.toString(),
    `Parameters: ${total.toLocaleString('en')} (${trained.toLocaleString('en')} trainable, ${(total - trained).toLocaleString('en')} not), ` +
      `${formatBytes(total * 4)} in float32`,
    ...(memory === undefined ? [] : [memory.table()]),
  ].join('\n');
}

function formatOutput(shape: Shape | undefined): string {
  return shape === undefined ? 'not called' : formatShape([null, ...shape.slice(1)]).replace('?', 'batch');
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
