import { logitsOf, rememberLogits } from '../autodiff/logits-origin.js';
import { offTape } from '../autodiff/off-tape.js';
import { currentPhase } from '../core/path-scope.js';
import { asFloat32 } from '../engine/precision/float-type.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withPullback } from '../layers/with-derivative.js';
import type { OutputObserver } from '../layers/call-context.js';
import type { DifferentiatedWeight } from './differentiate.js';
import { measureHistogram } from './histogram.js';
import type { PreviousGradients } from './previous-gradients.js';
import type { ProbeLayout, ProbePart } from './probe-layout.js';
import type { ProbeSet } from './probe-contract.js';
import { measureSaturation } from './saturation.js';

/** The name of the vector of what was measured, among a step's scalars; no log's name has a space in front. */
export const PROBES = ' probes';

/** Weights, and layers, of which histograms are taken, evenly spaced: each is some thirty ops, and nobody looks at more. */
const MOST_HISTOGRAMS = 100;

/** One number or a few of them, still on the device. */
interface Measured extends ProbePart {
  readonly values: Tensor;
}

/**
 * Measures one step while it is computed: in ops only, so that it is recorded with the step. What it makes belongs to it
 * until {@link ProbeRun.dispose}; the numbers leave the step as one vector.
 */
export class ProbeRun {
  private readonly measured: Measured[] = [];
  private readonly parts: ProbePart[] = [];
  private readonly reached = new Set<string>();
  private readonly without = new Set<string>();
  private noise = { noiseParts: 0, partSize: 0 };

  constructor(
    private readonly set: ProbeSet,
    private readonly previous: PreviousGradients,
  ) {}

  /** How the vector is read; to be asked for when the step is through. */
  get layout(): ProbeLayout {
    // A step of the model's own may minimise several losses: by one of them is enough.
    const withoutGradient = [...this.without].filter((path) => !this.reached.has(path));
    return { parts: this.parts, withoutGradient, ...this.noise };
  }

  /** Sees every layer's output; `undefined` where nobody wants to know of layers. */
  get observer(): OutputObserver | undefined {
    const { layers = [], histograms } = this.set;
    if (layers.length === 0 && histograms !== true) return undefined;
    return (layer, path, output) => this.observe(layer, path, output);
  }

  /** Into how many parts the batch is to be split. */
  get microBatches(): number {
    return this.set.microBatches ?? 0;
  }

  /** Takes the weights after their update; `updated` where there was one. */
  addWeights(weights: readonly DifferentiatedWeight[], updated: boolean): void {
    const { weights: wanted = [], histograms = false } = this.set;
    for (const { path, handle, value, gradient } of weights) {
      if (gradient === null) {
        this.without.add(path);
        continue;
      }
      this.reached.add(path);
      if (wanted.length === 0 && !histograms) continue;
      const add = (name: string, measure: () => Tensor): void => this.add('weight', path, name, measure);
      add('gradientNorm', () => norm(gradient));
      add('weightNorm', () => norm(value));
      for (const quantity of wanted) {
        if (quantity === 'gradientMax') add(quantity, () => tf.max(tf.abs(gradient)));
        else if (quantity === 'zeroFraction') add(quantity, () => zeroFraction(gradient));
        else if (quantity === 'nonFinite') add(quantity, () => countNonFinite(gradient));
        else if (quantity === 'updateRatio' && updated) {
          add('updateNorm', () => norm(tf.sub(handle.variable.read(), value)));
        } else if (quantity === 'cosine') this.compareWithPrevious(path, gradient);
      }
      if (histograms) {
        add('gradientHistogram', () => measureHistogram(gradient));
        add('weightHistogram', () => measureHistogram(value));
      }
    }
  }

  /** Takes what the gradients of a batch's parts say: see `NoiseReading`. */
  addNoise(noiseParts: number, partSize: number, partSquaredNorm: Tensor, meanSquaredNorm: Tensor): void {
    this.noise = { noiseParts, partSize };
    this.add('noise', '', 'partSquaredNorm', () => partSquaredNorm.clone());
    this.add('noise', '', 'meanSquaredNorm', () => meanSquaredNorm.clone());
  }

  /**
   * All that was measured, as one vector.
   *
   * @param scale - what the loss was multiplied with, and the gradients by layers' outputs with it
   */
  vector(scale: Tensor | undefined): Tensor {
    return tf.tidy(() => {
      this.parts.length = 0;
      const pieces = withFewHistograms(this.measured).map(({ values, ...part }) => {
        this.parts.push(part);
        const scaled = part.name === 'cotangentNorm' && scale !== undefined;
        return tf.reshape(scaled ? tf.div(values, scale) : values, [-1]);
      });
      return pieces.length === 0 ? tf.zeros([0]) : tf.concat(pieces);
    });
  }

  dispose(): void {
    for (const { values } of this.measured.splice(0)) values.dispose();
  }

  private observe(layer: { readonly options: object }, path: string, output: Tensor): Tensor {
    if (output.dtype !== 'float32') return output;
    const { layers = [], histograms = false } = this.set;
    // A checkpointed layer runs a second time in the backward pass: its output was seen, its gradient comes only now.
    if (currentPhase() === 'forward') {
      const add = (name: string, measure: (x: Tensor) => Tensor | null): void =>
        this.add('layer', path, name, () => measure(asFloat32(output)));
      if (layers.includes('mean')) add('mean', (x) => tf.mean(x));
      if (layers.includes('standardDeviation')) add('variance', (x) => tf.moments(x).variance);
      if (layers.includes('zeroFraction')) add('zeroFraction', zeroFraction);
      if (layers.includes('nonFinite')) add('nonFinite', countNonFinite);
      if (layers.includes('saturation')) add('saturation', (x) => measureSaturation(layer, x));
      if (layers.includes('unitActivity') && output.rank > 1) add('unitActivity', activity);
      if (histograms) add('outputHistogram', measureHistogram);
    }
    if (!layers.includes('cotangentNorm')) return output;
    const passed = withPullback(
      (x) => tf.clone(x),
      (dy) => {
        this.add('layer', path, 'cotangentNorm', () => norm(asFloat32(dy)));
        return tf.clone(dy);
      },
    )(output);
    // A loss that computes from the logits goes on doing so; there is no gradient by such an output then.
    const origin = logitsOf(output);
    return origin === undefined ? passed : rememberLogits(passed, origin.logits, origin.kind);
  }

  private compareWithPrevious(path: string, gradient: Tensor): void {
    const variable = this.previous.of(path);
    this.add('weight', path, 'previousNorm', () => norm(variable.read()));
    this.add('weight', path, 'previousProduct', () => tf.sum(tf.mul(gradient, variable.read())));
    variable.assign(gradient);
  }

  /** Runs outside of the tape: what is measured is no part of the loss. */
  private add(kind: ProbePart['kind'], path: string, name: string, measure: () => Tensor | null): void {
    const values = offTape(() => tf.tidy(() => measure() ?? tf.zeros([0])));
    if (values.size === 0) values.dispose();
    else this.measured.push({ kind, path, name, size: values.size, values: tf.keep(values) });
  }
}

/** What is left out is computed by nobody: a recorded step has no ops without a use. */
function withFewHistograms(measured: readonly Measured[]): readonly Measured[] {
  const counts = new Map<string, number>();
  const isHistogram = ({ name }: Measured): boolean => name.endsWith('Histogram');
  for (const { name } of measured.filter(isHistogram)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const places = new Map<string, number>();
  return measured.filter((one) => {
    if (!isHistogram(one)) return true;
    const place = places.get(one.name) ?? 0;
    places.set(one.name, place + 1);
    const part = MOST_HISTOGRAMS / counts.get(one.name)!;
    return part >= 1 || Math.floor(place * part) !== Math.floor((place - 1) * part);
  });
}

/** By way of the largest element: squares of what a vanishing or exploding gradient is made of leave the range of float32. */
function norm(x: Tensor): Tensor {
  const largest = tf.max(tf.abs(x));
  const unit = tf.where(tf.greater(largest, tf.scalar(0)), largest, tf.scalar(1));
  return tf.mul(tf.sqrt(tf.sum(tf.square(tf.div(x, unit)))), unit);
}

function zeroFraction(x: Tensor): Tensor {
  return tf.mean(tf.cast(tf.equal(x, tf.scalar(0)), 'float32'));
}

function countNonFinite(x: Tensor): Tensor {
  return tf.sum(tf.cast(tf.logicalNot(tf.isFinite(x)), 'float32'));
}

/** For each index of the last axis, how often it is not zero. */
function activity(x: Tensor): Tensor {
  const others = Array.from({ length: x.rank - 1 }, (_, axis) => axis);
  return tf.mean(tf.cast(tf.notEqual(x, tf.scalar(0)), 'float32'), others);
}
