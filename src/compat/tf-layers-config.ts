import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { toSnakeCase } from '../core/naming.js';
import type { Shape } from '../core/shape.js';
import { ACTIVATION_NAMES } from '../layers/activations.js';
import type { BaseLayer } from '../layers/base-layer.js';
import { layers } from '../layers/layers.js';
import type { RegularizerConfig } from '../layers/regularizers.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../storage/checked-json.js';

/** How a layer of tf.layers is made here: the config's entries that count, and those that must have one value. */
interface Translation {
  readonly make: (options: Record<string, unknown>) => BaseLayer;
  /** Our options by their names in the file. */
  readonly options: Readonly<Record<string, string>>;
  /** What the file may say of features that there are none of here. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
}

const kernel = {
  activation: 'activation',
  use_bias: 'useBias',
  kernel_regularizer: 'kernelRegularizer',
  bias_regularizer: 'biasRegularizer',
  activity_regularizer: 'activityRegularizer',
} as const;
const unconstrained = { kernel_constraint: [null], bias_constraint: [null] };
const channelsLast = { data_format: ['channels_last', 'channelsLast', null] };

/** By the name of the class in the file. */
const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  Dense: { make: (o) => layers.dense(o), options: { units: 'units', ...kernel }, only: unconstrained },
  Conv2D: {
    make: (o) => layers.conv2d(o),
    options: {
      filters: 'filters',
      kernel_size: 'kernelSize',
      strides: 'strides',
      padding: 'padding',
      dilation_rate: 'dilationRate',
      ...kernel,
    },
    only: { ...unconstrained, ...channelsLast, groups: [1, null] },
  },
  MaxPooling2D: {
    make: (o) => layers.maxPooling2d(o),
    options: { pool_size: 'poolSize', strides: 'strides', padding: 'padding' },
    only: channelsLast,
  },
  GlobalAveragePooling2D: {
    make: (o) => layers.globalAveragePooling2d(o),
    options: {},
    only: { ...channelsLast, keepdims: [false, null] },
  },
  Flatten: { make: (o) => layers.flatten(o), options: {}, only: channelsLast },
  Reshape: { make: (o) => layers.reshape(o as never), options: { target_shape: 'targetShape' } },
  Dropout: { make: (o) => layers.dropout(o), options: { rate: 'rate' }, only: { noise_shape: [null] } },
  Activation: { make: (o) => layers.activation(o as never), options: { activation: 'activation' } },
  BatchNormalization: {
    make: (o) => layers.batchNormalization(o),
    options: {
      momentum: 'momentum',
      epsilon: 'epsilon',
      center: 'center',
      scale: 'scale',
      beta_regularizer: 'betaRegularizer',
      gamma_regularizer: 'gammaRegularizer',
    },
    only: { beta_constraint: [null], gamma_constraint: [null], renorm: [false, null] },
  },
};

/** What tf.layers and Keras call by another name. */
const ACTIVATIONS: Readonly<Record<string, string>> = { swish: 'silu' };

/**
 * A layer from its entry in a `model.json` of tf.layers; where a value has no counterpart, none is guessed.
 *
 * @param inputShape - what flows into it
 * @throws DataError [unsupported-layer], and OptionsError as for the layer itself
 */
export function translateLayer(entry: JsonObject, inputShape: Shape, file: string): BaseLayer {
  const { class_name: className, config } = entry;
  const where = `layer ${formatValue(isJsonObject(config) ? config.name : undefined)} of ${file}`;
  const translation =
    typeof className === 'string' && Object.hasOwn(TRANSLATIONS, className) ? TRANSLATIONS[className]! : undefined;
  if (translation === undefined || !isJsonObject(config)) {
    throw unsupported(where, `a layer of ${Object.keys(TRANSLATIONS).join(', ')}`, formatValue(className));
  }
  for (const [name, allowed] of Object.entries(translation.only ?? {})) {
    const value = config[name] ?? null;
    if (!allowed.includes(value))
      throw unsupported(`"${name}" of ${where}`, formatValue(allowed[0]), formatValue(value));
  }
  const axis = className === 'BatchNormalization' ? firstOf(config.axis) : undefined;
  if (axis !== undefined && axis !== -1 && axis !== inputShape.length - 1) {
    throw unsupported(`"axis" of ${where}`, 'the last axis, -1', formatValue(config.axis));
  }
  const options: Record<string, unknown> = { name: layerName(config.name, where) };
  if (config.trainable === false) options.trainable = false;
  for (const [theirs, ours] of Object.entries(translation.options)) {
    const value = config[theirs];
    if (value === undefined || value === null) continue;
    if (ours === 'activation') options[ours] = activation(value, where);
    else if (ours.endsWith('Regularizer')) options[ours] = regularizer(value, `"${theirs}" of ${where}`);
    else options[ours] = value;
  }
  return translation.make(options);
}

/** Names with slashes would be paths here. */
function layerName(name: JsonValue | undefined, where: string): string {
  if (typeof name === 'string' && name !== '') return name.replace(/[/\s]/g, '_');
  throw new DataError('model-config', { where, expected: 'a layer with a name', received: formatValue(name) });
}

function activation(value: JsonValue, where: string): string {
  const name = typeof value === 'string' ? value : '';
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const ours = ACTIVATIONS[camel] ?? camel;
  if (ACTIVATION_NAMES.some((known) => known === ours)) return ours;
  throw unsupported(`"activation" of ${where}`, ACTIVATION_NAMES.join(', '), formatValue(value));
}

function regularizer(value: JsonValue, where: string): RegularizerConfig {
  const config = isJsonObject(value) && isJsonObject(value.config) ? value.config : undefined;
  if (config === undefined || !/^L1L2$|^L1$|^L2$/i.test(String((value as JsonObject).class_name))) {
    throw unsupported(where, 'L1, L2 or L1L2', formatValue(value));
  }
  const number = (name: string): number => Number(config[name] ?? 0);
  return { name: 'l1l2', l1: number('l1'), l2: number('l2') };
}

function firstOf(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? (value as readonly JsonValue[])[0] : value;
}

function unsupported(where: string, expected: string, received: string): DataError {
  return new DataError('unsupported-layer', {
    where,
    expected,
    received,
    fix: 'write the model anew as a class with a layer of your own for it, and load the weights alone',
  });
}

/** Our name of a weight for the last part of its name there: `moving_mean`. */
export function weightName(theirs: string): string {
  return toSnakeCase(theirs).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
