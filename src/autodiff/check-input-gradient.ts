import { IntegerStream, normal, rngKey } from '../core/rng-key.js';
import { readFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { GradcheckElement, GradcheckInput, GradcheckKink, GradcheckProblem } from './gradcheck-report.js';
import type { CheckOptions } from './gradcheck-options.js';
import { measureSlopes, type Slope } from './measure-slopes.js';

/** One input of a function, with what its gradient is checked against. */
export interface InputUnderCheck {
  readonly input: string;
  readonly point: Tensor;
  readonly gradient: Tensor;
  /** The function of this input, the others held; a scalar. */
  readonly valueAt: (point: Tensor) => Tensor;
  /** Size of the function's values, from which their rounding follows. */
  readonly magnitude: number;
  readonly float32Error?: number;
}

type Settings = Omit<CheckOptions, 'tolerance'> & { readonly tolerance: number };

/** Relative distance that a float32 gradient may have from the float64 one: sums of many terms lose some digits. */
const FLOAT32_TOLERANCE = 1e-3;

/** A direction through the input: one element, or a random one through a range of elements. */
interface Probe {
  readonly element: number | null;
  /** Flat, of length one; zero outside of its range. */
  readonly along: () => Float32Array;
}

interface Outcome {
  readonly probe: Probe;
  readonly analytic: number;
  readonly slope: Slope;
  /** What `analytic` is compared with; at a kink the nearest value between the slopes to its sides. */
  readonly numeric: number;
}

/** Compares the gradient by one input with differences; inside the scope of the precision and a `tf.tidy`. */
export function checkInputGradient(subject: InputUnderCheck, settings: Settings): GradcheckInput {
  const { input, point, float32Error } = subject;
  const { tolerance } = settings;
  if (point.size === 0) return emptyInput(subject);
  const probes = chooseProbes(subject, settings);
  const outcomes = compare(subject, probes, settings);
  const norm = (values: readonly number[]): number => Math.hypot(...values);
  const size = Math.max(norm(outcomes.map((o) => o.analytic)), norm(outcomes.map((o) => o.numeric)));
  // Where the gradient drowns in the rounding of the differences, it is held against that.
  const relative = (outcome: Outcome): number => {
    const distance = Math.abs(distanceOf(outcome));
    return distance === 0 ? 0 : distance / Math.max(size, outcome.slope.noise / tolerance);
  };
  const badness = (outcome: Outcome): number => (Number.isNaN(relative(outcome)) ? Infinity : relative(outcome));
  const error = norm(outcomes.map(relative));
  let worst = outcomes.reduce((a, b) => (badness(b) > badness(a) ? b : a));
  // Where the function's own value is not finite, no element is to blame more than another.
  if (worst.probe.element === null && Number.isFinite(worst.numeric) && badness(worst) > tolerance) {
    worst = localise(subject, worst.probe, settings);
  }
  const kinks = outcomes.flatMap((outcome) => kinkOf(input, point.shape, outcome));
  const problem = problemOf(error, kinks, outcomes, settings, float32Error);
  return {
    input,
    shape: [...point.shape],
    passed: problem === null,
    problem,
    error,
    elements: probes.filter(({ element }) => element !== null).length,
    directions: probes.filter(({ element }) => element === null).length,
    worst: {
      ...placeOf(input, point.shape, worst.probe),
      analytic: worst.analytic,
      numeric: worst.numeric,
      error: relative(worst),
    },
    kinks,
    ...(float32Error === undefined ? {} : { float32Error }),
  };
}

function problemOf(
  error: number,
  kinks: readonly GradcheckKink[],
  outcomes: readonly Outcome[],
  { tolerance }: Settings,
  float32Error: number | undefined,
): GradcheckProblem | null {
  if (outcomes.some((outcome) => !Number.isFinite(distanceOf(outcome)))) return 'not-finite';
  if (kinks.some(({ jump }) => jump)) return 'jump';
  if (!(error <= tolerance)) return 'mismatch';
  return float32Error === undefined || float32Error <= FLOAT32_TOLERANCE ? null : 'float32';
}

/** All elements of a small input; of a big one some elements, the largest gradient among them, and random directions. */
function chooseProbes({ input, gradient }: InputUnderCheck, settings: Settings): Probe[] {
  const { size } = gradient;
  if (size <= settings.maximumElements)
    return Array.from({ length: size }, (_, element) => elementProbe(element, size));
  const key = rngKey(settings.seed, 'gradcheck', input);
  const largest = tf.tidy(() => {
    const sizes = tf.abs(tf.reshape(gradient, [-1]));
    return tf.argMax(tf.where(tf.isNaN(sizes), tf.fill(sizes.shape, Infinity), sizes)).dataSync()[0]!;
  });
  const stream = new IntegerStream(key.child('elements'));
  const elements = new Set([largest]);
  while (elements.size < Math.min(settings.sampledElements, size)) elements.add(stream.below(size));
  const directions = Array.from({ length: settings.directions }, (_, i): Probe => {
    let direction: Float32Array | undefined;
    const along = () => (direction ??= normal(key.child('direction', i), size).map((value) => value / Math.sqrt(size)));
    return { element: null, along };
  });
  return [...[...elements].map((element) => elementProbe(element, size)), ...directions];
}

function elementProbe(element: number, size: number): Probe {
  const along = () => {
    const direction = new Float32Array(size);
    direction[element] = 1;
    return direction;
  };
  return { element, along };
}

function compare(subject: InputUnderCheck, probes: readonly Probe[], settings: Settings): Outcome[] {
  const { point, gradient, valueAt, magnitude } = subject;
  const { precision, tolerance } = settings;
  const directions = probes.map(
    ({ along }) =>
      () =>
        tf.tensor(along(), point.shape),
  );
  const analytic = tf.tidy(() => {
    const products = directions.map((make) => tf.tidy(() => tf.sum(tf.mul(gradient, make()))));
    return Array.from(readFloat64(tf.stack(products)));
  });
  const negligible = tolerance * Math.hypot(...analytic.filter(Number.isFinite));
  const slopes = measureSlopes({ valueAt, point, directions, analytic, magnitude, negligible, precision });
  return probes.map((probe, i) => {
    const slope = slopes[i]!;
    const rule = analytic[i]!;
    const [low, high] = [
      Math.min(slope.left, slope.right) - slope.noise,
      Math.max(slope.left, slope.right) + slope.noise,
    ];
    const between = Math.min(Math.max(rule, low), high);
    return { probe, analytic: rule, slope, numeric: slope.kind === 'kink' ? between : slope.numeric };
  });
}

/** The element that makes a random direction disagree, by halving the range of elements that the direction moves. */
function localise(subject: InputUnderCheck, probe: Probe, settings: Settings): Outcome {
  const direction = probe.along();
  let [low, high] = [0, direction.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const half = (from: number, to: number): Probe => {
      const along = () => {
        const part = new Float32Array(direction.length);
        part.set(direction.subarray(from, to), from);
        return part;
      };
      return { element: null, along };
    };
    const [left, right] = compare(subject, [half(low, middle), half(middle, high)], settings) as [Outcome, Outcome];
    if (Math.abs(distanceOf(left)) >= Math.abs(distanceOf(right))) high = middle;
    else low = middle;
  }
  return compare(subject, [elementProbe(low, direction.length)], settings)[0]!;
}

function distanceOf({ analytic, numeric, slope }: Outcome): number {
  // The slopes of a jump say nothing of the rule.
  return slope.kind === 'jump' ? 0 : analytic - numeric;
}

function kinkOf(input: string, shape: readonly number[], { probe, analytic, slope }: Outcome): GradcheckKink[] {
  const { kind, left, right } = slope;
  if (kind !== 'kink' && kind !== 'jump') return [];
  return [{ ...placeOf(input, shape, probe), analytic, left, right, jump: kind === 'jump' }];
}

function placeOf(
  input: string,
  shape: readonly number[],
  { element }: Probe,
): Pick<GradcheckElement, 'input' | 'element'> {
  if (element === null) return { input, element };
  let rest = element;
  const index = shape.toReversed().map((dimension) => {
    const at = rest % dimension;
    rest = Math.floor(rest / dimension);
    return at;
  });
  return { input, element: index.reverse() };
}

function emptyInput({ input, point }: InputUnderCheck): GradcheckInput {
  const worst = { input, element: null, analytic: 0, numeric: 0, error: 0 };
  const counts = { error: 0, elements: 0, directions: 0 };
  return { input, shape: [...point.shape], passed: true, problem: null, ...counts, worst, kinks: [] };
}
