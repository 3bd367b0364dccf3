import { describe, expect, it } from '@jest/globals';
import { getMetadataStorage } from 'class-validator';
import * as adjoint from '../../src/index.js';
import type { OptionsClass } from '../../src/core/declaration.js';
import { AdjointError, OptionsError } from '../../src/core/errors.js';
import { optionNames, parseOptions } from '../../src/core/parse-options.js';

/** Values that a field must refuse. */
type Cases = Readonly<Record<string, readonly unknown[]>>;

const flag = [1, 'yes', null];
const name = ['', 'a/b', 'two words', 7];
const inputShape = [28, [], [28, -1], [2.5], ['28']];
const positiveInteger = [0, -1, 1.5, '8', NaN, Infinity];
const count = [-1, 1.5, '8', NaN, Infinity];
const factor = [-0.1, '1', NaN, Infinity];
const decay = [-0.1, 1, '0.9', NaN];
const unknownName = ['glorotUnifrom', 5, null];
const regularizer = ['l3', 5];
const layer = { name, trainable: flag, inputShape };
const kernelLayer = {
  ...layer,
  activation: ['rleu', 5],
  useBias: flag,
  kernelInitializer: unknownName,
  biasInitializer: unknownName,
  kernelRegularizer: regularizer,
  biasRegularizer: regularizer,
  activityRegularizer: regularizer,
};
const learningRate = [-0.001, '0.1', NaN, Infinity];
const adam = { learningRate, beta1: decay, beta2: decay, epsilon: [0, -1e-7, '1e-7', NaN] };
const loss = { reduction: ['mean', null] };
const verbose = [3, '1', true];
const signal = [true, {}];
const rateNumber = [...factor, undefined];
const steps = [...positiveInteger, 2 ** 31, undefined];
const decaying = { initialLearningRate: rateNumber, decaySteps: steps };
const share = [-0.1, 1.1, '1', NaN];
const warmUp = { initialLearningRate: rateNumber, alpha: share, warmupTarget: factor, warmupSteps: count };
const positive = [0, -1, '1', NaN, Infinity];
const fn = [5, 'log'];
const check = {
  tolerance: [0, -1, '1', NaN, Infinity],
  precision: ['double', 64],
  maximumElements: count,
  sampledElements: positiveInteger,
  directions: positiveInteger,
  seed: count,
  throws: flag,
};
const size = [0, [1], [2, 2, 2], '3', [2, 0]];

const action = ['ignore', 1];
const monitor = { every: positiveInteger, confirmations: positiveInteger, print: ['always', 1] };

/** Every field of every options class; fields that are checked where they are used stand in `checked-by-use.test.ts`. */
const CASES: Readonly<Record<string, Cases>> = {
  ActivationMonitorOptions: { ...monitor, spreadFactor: [0.5, '2', NaN], shift: factor },
  ActivationOptions: { ...layer, activation: ['rleu', 5, undefined] },
  AdamOptions: adam,
  AdamWOptions: { ...adam, weightDecay: factor, excludeFromWeightDecay: [5, {}] },
  BatchNormalizationOptions: {
    ...layer,
    axis: [1, 3],
    momentum: [-0.1, 1.1, '0.9', NaN],
    epsilon: [0, 1e-6, '1e-3', NaN],
    center: flag,
    scale: flag,
    betaInitializer: unknownName,
    gammaInitializer: unknownName,
    movingMeanInitializer: unknownName,
    movingVarianceInitializer: unknownName,
    betaRegularizer: regularizer,
    gammaRegularizer: regularizer,
  },
  BackupOptions: { directory: ['', 5, undefined], everySteps: positiveInteger, everyEpochs: positiveInteger },
  BatchOptions: { dropRemainder: flag },
  BinaryAccuracyOptions: { name: ['', 7], threshold: ['0.5', NaN, Infinity] },
  CheckOptions: check,
  ClipOptions: { value: positive, norm: positive, globalNorm: positive, adaptive: positive, only: [5, {}] },
  CompileOptions: {
    metrics: ['accuracy', 5],
    accumulateSteps: positiveInteger,
    precision: ['bfloat16', 16],
    centralizeGradients: flag,
    gradientTransforms: ['clip', 5],
    logGradientNorms: flag,
    seed: [...count, 2 ** 60],
    execution: ['fast', true],
  },
  ConstantOptions: { value: ['1', NaN, undefined] },
  ConstantScheduleOptions: { learningRate: rateNumber },
  Conv2DOptions: {
    ...kernelLayer,
    filters: [...positiveInteger, undefined],
    kernelSize: [...size, undefined],
    strides: size,
    padding: ['full', 1],
    dilationRate: size,
  },
  CosineDecayOptions: { ...warmUp, decaySteps: steps },
  CosineDecayRestartsOptions: { ...warmUp, firstDecaySteps: steps, tMul: [0.5, 0, '2', NaN], mMul: positive },
  CrossentropyOptions: { ...loss, fromLogits: flag, labelSmoothing: [-0.1, 1.1, '0.1', NaN] },
  DeadUnitsOptions: { ...monitor, fraction: share },
  DebugOptions: { report: ['', 5, undefined], every: positiveInteger, title: ['', 5] },
  DebugReportOptions: { directory: ['', 5, undefined], every: positiveInteger, title: ['', 5] },
  DecayOptions: decaying,
  DenseOptions: { ...kernelLayer, units: [...positiveInteger, undefined] },
  DownloadMnistOptions: {
    directory: ['', 5],
    mirrors: ['https://example.org/', [], [5]],
    timeoutSeconds: [0, -1, '30', NaN],
    onProgress: fn,
    signal,
  },
  DropoutOptions: { ...layer, rate: [-0.1, 1, '0.5', NaN, undefined] },
  EarlyStoppingOptions: {
    monitor: ['', 5],
    minDelta: factor,
    patience: count,
    mode: ['lowest', 1],
    baseline: ['1', NaN],
    restoreBestWeights: flag,
    startFromEpoch: count,
    verbose,
  },
  EvaluateOptions: { batchSize: positiveInteger, steps: positiveInteger, verbose, signal },
  ExponentialDecayOptions: { ...decaying, decayRate: [...positive, undefined], staircase: flag },
  FindLearningRateOptions: {
    minLearningRate: positive,
    maxLearningRate: positive,
    steps: [19, 2.5, '100', NaN],
    smoothing: [-0.1, 1, '0.9', NaN],
    divergence: [1, 0, '4', NaN],
    monitor: ['', 5, null],
    batchSize: positiveInteger,
    classWeight: ['balanced', 5],
    verbose: [2, '1', true],
    signal,
  },
  ExportOptions: { batchSize: positiveInteger },
  FitOptions: {
    epochs: positiveInteger,
    initialEpoch: count,
    batchSize: positiveInteger,
    shuffle: flag,
    stepsPerEpoch: positiveInteger,
    logEvery: positiveInteger,
    validationSplit: [-0.1, 1, '0.2', NaN],
    validationBatchSize: positiveInteger,
    validationSteps: positiveInteger,
    classWeight: ['balanced', 5],
    verbose,
    callbacks: [() => undefined, {}],
    debug: ['folder', 5],
    resume: ['', 5],
    signal,
  },
  GradcheckOptions: { ...check, names: ['x', [5]], compareFloat32: flag },
  DiagnoseOptions: {
    every: positiveInteger,
    checkCustomRules: flag,
    tryFixes: flag,
    print: flag,
    steps: [...positiveInteger, 11, 10_001],
    batchSize: positiveInteger,
    step: fn,
  },
  GradientDoctorOptions: { every: positiveInteger, checkCustomRules: flag, tryFixes: flag, print: flag },
  GradientMonitorOptions: {
    ...monitor,
    vanishingRatio: share,
    explodingNorm: factor,
    spikeFactor: [0.5, '2', NaN],
  },
  GradientNoiseOptions: { eta: positive, gamma: positive, temperature: positive },
  GradientNoiseScaleOptions: { every: positiveInteger, parts: [...positiveInteger, 1] },
  HandwrittenDigitsOptions: { train: positiveInteger, test: positiveInteger, seed: count },
  HessianTraceOptions: { samples: [1, 2.5, '8', NaN], seed: [...count, 2 ** 60] },
  InverseTimeDecayOptions: { ...decaying, decayRate: rateNumber, staircase: flag },
  IterableOptions: { size: [-2, 1.5, '8', NaN] },
  KernelLayerOptions: kernelLayer,
  L1L2Options: { l1: factor, l2: factor },
  L1Options: { l1: factor },
  L2Options: { l2: factor },
  LabelShuffleOptions: {
    epochs: positiveInteger,
    batchSize: positiveInteger,
    heldOut: [0, 1, '0.5', NaN],
    margin: share,
    seed: count,
    signal,
  },
  LambdaCallbackOptions: {
    onTrainBegin: fn,
    onEpochBegin: fn,
    onBatchBegin: fn,
    onProbe: fn,
    onBatchEnd: fn,
    onValidationBegin: fn,
    onValidationEnd: fn,
    onEpochEnd: fn,
    onTrainEnd: fn,
  },
  LayerOptions: layer,
  LeakGuardOptions: { tolerated: positiveInteger, action },
  LearningRateSchedulerOptions: { schedule: [0.1, 'step', undefined], verbose: [2, '1', true] },
  LoadMnistOptions: { directory: ['', 5, undefined] },
  LoadModelOptions: { classes: [5, 'Towers'], compile: flag },
  LoadWeightsOptions: {
    weightLayout: ['pytorch', 5],
    flattenedImages: [5, []],
    partial: flag,
    rename: [5, [], { a: 1 }],
    only: [5, {}],
  },
  LookaheadOptions: { every: positiveInteger, rate: [0, -1, 1.1, '1', NaN] },
  LossOptions: loss,
  LossScaleOptions: {
    initial: [0.5, 2 ** 25, '1', NaN],
    growthFactor: [1, 0, '2', NaN],
    backoff: [0, 1, '0.5', NaN],
    growthInterval: positiveInteger,
  },
  MaxPooling2DOptions: { ...layer, poolSize: size, strides: size, padding: ['full', 1] },
  MemoryReportOptions: { batchSize: positiveInteger },
  ModelCheckpointOptions: {
    directory: ['', 5, undefined],
    monitor: ['', 5],
    mode: ['lowest', 1],
    saveBestOnly: flag,
    saveWeightsOnly: flag,
    everySteps: positiveInteger,
    everyEpochs: positiveInteger,
    keep: positiveInteger,
    verbose,
  },
  MetricOptions: { name: ['', 7] },
  MinimizeOptions: {},
  ModelGradcheckOptions: { ...check, compareFloat32: flag },
  NoOptions: {},
  NonFiniteGuardOptions: {
    action: ['ignore', 5],
    maxReports: count,
    patience: positiveInteger,
    reproDirectory: ['', 5],
    onReport: fn,
  },
  NormalOptions: { mean: ['0', NaN, Infinity], standardDeviation: factor },
  OneCycleOptions: {
    maxLearningRate: [...positive, undefined],
    totalSteps: [1, 0, 2.5, '10', undefined],
    warmupFraction: share,
    anneal: ['sine', 5],
    startDivisor: [0.5, 0, '25', NaN],
    finalDivisor: [0.5, 0, '25', NaN],
  },
  OptimizerOptions: { learningRate },
  OverfitBatchOptions: { steps: positiveInteger, batchSize: positiveInteger, ratio: share, signal },
  PiecewiseConstantDecayOptions: {
    boundaries: [5, [1, 1], [2, 1], [-1], [1.5], ['1'], undefined],
    values: [5, [], [-1], [NaN], ['1'], undefined],
  },
  PolynomialDecayOptions: { ...decaying, endLearningRate: factor, power: positive, cycle: flag },
  PredictOptions: { batchSize: positiveInteger, signal },
  ProbeMonitorOptions: monitor,
  ProbeRequestOptions: {
    every: [...positiveInteger, undefined],
    weights: ['gradientNorm', ['gradNorm']],
    layers: ['mean', ['average']],
    histograms: flag,
    microBatches: count,
  },
  ProfileOptions: { runs: positiveInteger, batchSize: positiveInteger },
  ProgressBarOptions: { stream: ['stdout', {}], secondsBetweenLines: factor },
  RandomUniformOptions: { minimum: ['0', NaN, Infinity], maximum: ['0', NaN, Infinity] },
  ReduceLROnPlateauOptions: {
    monitor: ['', 5, null],
    factor: [0, 1, -0.1, '0.1', NaN],
    patience: count,
    mode: ['down', 1],
    minDelta: factor,
    cooldown: count,
    minLearningRate: factor,
    verbose: [2, '1', true],
  },
  ReshapeOptions: { ...layer, targetShape: [5, [0], [2.5], ['2'], undefined] },
  ResidualOptions: { ...layer, body: [5, [], [5], 'dense', undefined] },
  RetraceGuardOptions: { tolerated: positiveInteger, maximum: positiveInteger, action },
  SGDOptions: { learningRate, momentum: factor, nesterov: flag },
  SaturationMonitorOptions: { ...monitor, fraction: share, outputLayer: flag },
  SaveModelOptions: { compile: flag },
  SaveWeightsOptions: { weightLayout: ['pytorch', 5], flattenedImages: [5, []] },
  SequentialOptions: layer,
  ShuffleOptions: { seed: [...count, undefined], bufferSize: positiveInteger },
  SpikeProtectionOptions: {
    factor: [0, 0.9, -4, '4', NaN, Infinity],
    window: [2, 8.5, 4097, '64', NaN],
    warmUp: [0, 65, 1.5, '3', NaN],
    action: ['drop', 1],
  },
  StepDecayOptions: { ...decaying, decayRate: positive },
  StochasticDepthOptions: { ...layer, rate: [-0.1, 1, '0.5', NaN, undefined], per: ['row', 1] },
  TrainOnBatchOptions: { classWeight: ['balanced', 5] },
  VarianceScalingOptions: {
    scale: [0, -1, '1', NaN],
    mode: ['fanMiddle', 1],
    distribution: ['gauss', 1],
  },
  WarmUpOptions: warmUp,
  WeightAverageOptions: {
    kind: ['median', 1],
    decay,
    startAfter: count,
    every: positiveInteger,
    overwriteEvery: positiveInteger,
  },
};

/** What `parseOptions` cannot judge, because it takes a context: data, names in registries. */
const CHECKED_BY_USE: Readonly<Record<string, readonly string[]>> = {
  CompileOptions: [
    'optimizer',
    'loss',
    'clip',
    'spikeProtection',
    'gradientNoise',
    'lookahead',
    'weightAverage',
    'checkpoint',
    'float32Layers',
    'lossScale',
  ],
  EvaluateOptions: ['sampleWeight'],
  FindLearningRateOptions: ['sampleWeight'],
  FitOptions: ['validationData', 'sampleWeight'],
  MemoryReportOptions: ['x', 'y'],
  MinimizeOptions: ['weights', 'optimizer'],
  SequentialOptions: ['checkpoint'],
  TrainOnBatchOptions: ['sampleWeight'],
};

/** Other fields that must be right for one field to be the first that is wrong. */
const NEEDED: Readonly<Record<string, object>> = {
  BackupOptions: { directory: 'run' },
  ModelCheckpointOptions: { directory: 'run' },
  ActivationOptions: { activation: 'relu' },
  ConstantOptions: { value: 1 },
  ConstantScheduleOptions: { learningRate: 1 },
  Conv2DOptions: { filters: 1, kernelSize: 1 },
  CosineDecayOptions: { initialLearningRate: 1, decaySteps: 10 },
  CosineDecayRestartsOptions: { initialLearningRate: 1, firstDecaySteps: 10 },
  DebugOptions: { report: 'folder' },
  DebugReportOptions: { directory: 'folder' },
  DecayOptions: { initialLearningRate: 1, decaySteps: 10 },
  DenseOptions: { units: 1 },
  ProbeRequestOptions: { every: 1 },
  DropoutOptions: { rate: 0.5 },
  ExponentialDecayOptions: { initialLearningRate: 1, decaySteps: 10, decayRate: 0.5 },
  InverseTimeDecayOptions: { initialLearningRate: 1, decaySteps: 10, decayRate: 0.5 },
  LearningRateSchedulerOptions: { schedule: () => 1 },
  LoadMnistOptions: { directory: 'digits' },
  OneCycleOptions: { maxLearningRate: 1, totalSteps: 10 },
  PiecewiseConstantDecayOptions: { boundaries: [1], values: [1, 2] },
  PolynomialDecayOptions: { initialLearningRate: 1, decaySteps: 10 },
  ReshapeOptions: { targetShape: [1] },
  ResidualOptions: { body: adjoint.layers.flatten() },
  ShuffleOptions: { seed: 1 },
  StepDecayOptions: { initialLearningRate: 1, decaySteps: 10 },
  StochasticDepthOptions: { rate: 0.5 },
  WarmUpOptions: { initialLearningRate: 1 },
};

/** Every options class there is: exported, declared by a class, or validated anywhere in the package. */
function optionsClasses(): Map<string, OptionsClass> {
  const exported = Object.values(adjoint as Record<string, unknown>).filter(
    (value) => typeof value === 'function' && value.name.endsWith('Options'),
  );
  const { validationMetadatas } = getMetadataStorage() as unknown as { validationMetadatas: Map<unknown, unknown> };
  const all = [...exported, ...validationMetadatas.keys()] as OptionsClass[];
  return new Map(all.map((optionsClass) => [optionsClass.name, optionsClass]));
}

const show = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : typeof value === 'function'
      ? 'a function'
      : value instanceof Object
        ? JSON.stringify(value)
        : typeof value === 'string'
          ? JSON.stringify(value)
          : String(value);

describe('options classes', () => {
  const classes = optionsClasses();

  it('all stand in the table, with all their fields', () => {
    const fields = (cases: Readonly<Record<string, readonly string[]>>) =>
      Object.fromEntries(
        Object.entries(cases)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, names]) => [key, [...names].sort()]),
      );
    const declared = Object.fromEntries(
      [...classes].map(([key, optionsClass]) => [key, [...optionNames(optionsClass)]]),
    );
    const tabled = Object.fromEntries(
      Object.entries(CASES).map(([key, cases]) => [key, [...Object.keys(cases), ...(CHECKED_BY_USE[key] ?? [])]]),
    );
    expect(fields(tabled)).toEqual(fields(declared));
    expect(classes.size).toBeGreaterThan(35);
  });

  it.each([...classes].map(([key, optionsClass]) => [key, optionsClass] as const))(
    '%s refuses an unknown field',
    (_, optionsClass) => {
      const parse = () => parseOptions(optionsClass, { noSuchOption: 1 }, 'the test');
      expect(parse).toThrow(OptionsError);
      expect(parse).toThrow(/^OptionsError \[unknown-option\] option "noSuchOption" of the test\n/);
      expect(() => parseOptions(optionsClass, 5, 'the test')).toThrow(/\[options-type\]/);
    },
  );

  it.each([...classes].map(([key, optionsClass]) => [key, optionsClass] as const))(
    '%s takes what is needed',
    (key, optionsClass) => {
      parseOptions(optionsClass, NEEDED[key] ?? {}, 'the test');
    },
  );

  const lines: string[] = [];
  it.each(Object.entries(CASES))('%s refuses each invalid value', (key, cases) => {
    const optionsClass = classes.get(key)!;
    for (const [field, values] of Object.entries(cases)) {
      const expectations = values.map((value) => {
        const options: Record<string, unknown> = { ...NEEDED[key], [field]: value };
        if (value === undefined) delete options[field];
        let error: unknown = `accepted ${show(value)}`;
        try {
          parseOptions(optionsClass, options, 'the test');
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(AdjointError);
        const { kind, where, expected, received } = error as AdjointError;
        expect([field, value, kind, where]).toEqual([field, value, 'invalid-option', `option "${field}" of the test`]);
        expect(received).not.toBe('');
        return expected!;
      });
      for (const expected of new Set(expectations)) lines.push(`${field}: ${expected}`);
    }
  });

  it('say what they expect', () => {
    expect([...new Set(lines)].sort()).toMatchInlineSnapshot(`
     [
       "accumulateSteps: a whole number of at least 1",
       "action: one of "skip", "clip"",
       "action: one of "stop", "skip", "continue"",
       "action: one of "warn", "stop"",
       "activation: a name, e.g. "relu", or a function of a tensor",
       "activation: the name of an activation; did you mean "elu" or "relu"?",
       "activityRegularizer: a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })",
       "activityRegularizer: the name of a regularizer; did you mean "l1" or "l2"?",
       "adaptive: a finite number above 0",
       "alpha: a finite number from 0 to 1",
       "anneal: one of "cosine", "linear"",
       "axis: axis must be -1: channels stand last",
       "backoff: a finite number above 0",
       "baseline: a finite number",
       "batchSize: a whole number of at least 1",
       "beta1: beta1 must be a number of at least 0 and below 1",
       "beta2: beta2 must be a number of at least 0 and below 1",
       "betaInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "betaInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "betaRegularizer: a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })",
       "betaRegularizer: the name of a regularizer; did you mean "l1" or "l2"?",
       "biasInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "biasInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "biasRegularizer: a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })",
       "biasRegularizer: the name of a regularizer; did you mean "l1" or "l2"?",
       "body: body must be a layer or a list of layers",
       "boundaries: an array; each of at least 0 and above the one before it",
       "bufferSize: a whole number of at least 1",
       "callbacks: an array",
       "center: true or false",
       "centralizeGradients: true or false",
       "checkCustomRules: true or false",
       "classWeight: an object",
       "classes: an array",
       "compareFloat32: true or false",
       "compile: true or false",
       "confirmations: a whole number of at least 1",
       "cooldown: a whole number of at least 0",
       "cycle: true or false",
       "debug: an object",
       "decay: decay must be a number of at least 0 and below 1",
       "decayRate: a finite number above 0",
       "decayRate: a finite number of at least 0",
       "decaySteps: a whole number from 1 to 2147483647",
       "dilationRate: dilationRate must be a positive whole number, or [height, width] of such numbers",
       "directions: a whole number from 1 to 1048576",
       "directory: a string that is not empty",
       "distribution: one of "truncatedNormal", "untruncatedNormal", "uniform"",
       "divergence: a finite number of at least 1.01",
       "dropRemainder: true or false",
       "endLearningRate: a finite number of at least 0",
       "epochs: a whole number of at least 1",
       "epsilon: a finite number above 0",
       "epsilon: a finite number of at least 0.00001",
       "eta: a finite number above 0",
       "every: a whole number of at least 1",
       "everyEpochs: a whole number of at least 1",
       "everySteps: a whole number of at least 1",
       "excludeFromWeightDecay: excludeFromWeightDecay must be a glob, a regular expression, a function, or a list of these",
       "execution: one of "auto", "recorded", "eager"",
       "explodingNorm: a finite number of at least 0",
       "factor: a finite number above 0",
       "factor: a finite number above 0; below 1",
       "factor: a finite number of at least 1",
       "filters: a whole number of at least 1",
       "finalDivisor: a finite number of at least 1",
       "firstDecaySteps: a whole number from 1 to 2147483647",
       "flattenedImages: an object",
       "fraction: a finite number from 0 to 1",
       "fromLogits: true or false",
       "gamma: a finite number above 0",
       "gammaInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "gammaInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "gammaRegularizer: a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })",
       "gammaRegularizer: the name of a regularizer; did you mean "l1" or "l2"?",
       "globalNorm: a finite number above 0",
       "gradientTransforms: an array",
       "growthFactor: a finite number of at least 1.0001",
       "growthInterval: a whole number of at least 1",
       "heldOut: a finite number from 0.01 to 0.99",
       "histograms: true or false",
       "initial: a finite number from 1 to 16777216",
       "initialEpoch: a whole number of at least 0",
       "initialLearningRate: a finite number of at least 0",
       "inputShape: a filled array of positive whole numbers",
       "keep: a whole number of at least 1",
       "kernelInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "kernelInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "kernelRegularizer: a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })",
       "kernelRegularizer: the name of a regularizer; did you mean "l1" or "l2"?",
       "kernelSize: kernelSize must be a positive whole number, or [height, width] of such numbers",
       "kind: one of "exponential", "equal"",
       "l1: a finite number of at least 0",
       "l2: a finite number of at least 0",
       "labelSmoothing: a finite number from 0 to 1",
       "layers: an array",
       "layers: an array; of names among mean, standardDeviation, zeroFraction, nonFinite, saturation, unitActivity, cotangentNorm",
       "learningRate: a finite number of at least 0",
       "learningRate: a finite number of at least 0, or a learning-rate schedule",
       "logEvery: a whole number of at least 1",
       "logGradientNorms: true or false",
       "mMul: a finite number above 0",
       "margin: a finite number from 0 to 1",
       "maxLearningRate: a finite number above 0",
       "maxReports: a whole number of at least 0",
       "maximum: a finite number",
       "maximum: a finite number; maximum must be at least minimum, -0.05",
       "maximum: a whole number of at least 1",
       "maximumElements: a whole number from 0 to 1048576",
       "mean: a finite number",
       "metrics: an array",
       "microBatches: a whole number of at least 0",
       "minDelta: a finite number of at least 0",
       "minLearningRate: a finite number above 0",
       "minLearningRate: a finite number of at least 0",
       "minimum: a finite number",
       "mirrors: a filled array",
       "mirrors: a filled array; each value in mirrors must be a URL address",
       "mode: one of "auto", "min", "max"",
       "mode: one of "fanIn", "fanOut", "fanAvg"",
       "momentum: a finite number from 0 to 1",
       "monitor: a string that is not empty",
       "movingMeanInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "movingMeanInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "movingVarianceInitializer: a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()",
       "movingVarianceInitializer: the name of an initializer; did you mean "glorotUniform"?",
       "name: a string that is not empty",
       "name: a string; name must not be empty or contain "/" or white space",
       "names: an array",
       "nesterov: true or false",
       "norm: a finite number above 0",
       "onBatchBegin: onBatchBegin must be a function",
       "onBatchEnd: onBatchEnd must be a function",
       "onEpochBegin: onEpochBegin must be a function",
       "onEpochEnd: onEpochEnd must be a function",
       "onProbe: onProbe must be a function",
       "onProgress: onProgress must be a function",
       "onReport: onReport must be a function",
       "onTrainBegin: onTrainBegin must be a function",
       "onTrainEnd: onTrainEnd must be a function",
       "onValidationBegin: onValidationBegin must be a function",
       "onValidationEnd: onValidationEnd must be a function",
       "only: only must be a glob, a regular expression, a function, or a list of these",
       "outputLayer: true or false",
       "overwriteEvery: a whole number of at least 1",
       "padding: one of "valid", "same"",
       "partial: true or false",
       "parts: a whole number of at least 2",
       "patience: a whole number of at least 0",
       "patience: a whole number of at least 1",
       "per: one of "example", "batch"",
       "poolSize: poolSize must be a positive whole number, or [height, width] of such numbers",
       "power: a finite number above 0",
       "precision: one of "float32", "mixed_bfloat16", "mixed_float16"",
       "precision: one of "float64", "float32"",
       "print: one of "findings", "epoch", "end", "never"",
       "print: true or false",
       "rate: a finite number of at least 0",
       "rate: a finite number of at least 0; rate must be below 1",
       "rate: rate must be a number above 0 and at most 1",
       "ratio: a finite number from 0 to 1",
       "reduction: one of "sumOverBatchSize", "sum", "meanWithSampleWeight", "none"",
       "rename: rename must be a function of a name, or an object of names by names",
       "report: a string that is not empty",
       "reproDirectory: a string that is not empty",
       "restoreBestWeights: true or false",
       "resume: a string that is not empty",
       "runs: a whole number of at least 1",
       "sampledElements: a whole number from 1 to 1048576",
       "samples: a whole number of at least 2",
       "saveBestOnly: true or false",
       "saveWeightsOnly: true or false",
       "scale: a finite number above 0",
       "scale: true or false",
       "schedule: a function of the epoch and the learning rate so far, which returns the new one",
       "secondsBetweenLines: a finite number of at least 0",
       "seed: a whole number from 0 to 9007199254740991",
       "seed: a whole number of at least 0",
       "shift: a finite number of at least 0",
       "shuffle: true or false",
       "signal: an instance of AbortSignal",
       "signal: signal must be an AbortSignal",
       "size: a whole number of at least -1",
       "smoothing: a finite number from 0 to 0.99",
       "spikeFactor: a finite number of at least 1",
       "spreadFactor: a finite number of at least 1",
       "staircase: true or false",
       "standardDeviation: a finite number of at least 0",
       "startAfter: a whole number of at least 0",
       "startDivisor: a finite number of at least 1",
       "startFromEpoch: a whole number of at least 0",
       "step: step must be a function",
       "steps: a whole number from 12 to 10000",
       "steps: a whole number of at least 1",
       "steps: a whole number of at least 20",
       "stepsPerEpoch: a whole number of at least 1",
       "stream: stream must be a writable stream, such as process.stderr",
       "strides: strides must be a positive whole number, or [height, width] of such numbers",
       "tMul: a finite number of at least 1",
       "targetShape: targetShape must be an array of positive whole numbers, of which at most one is -1",
       "temperature: a finite number above 0",
       "test: a whole number from 1 to 1000000",
       "threshold: a finite number",
       "throws: true or false",
       "timeoutSeconds: a finite number above 0",
       "title: a string that is not empty",
       "tolerance: a finite number above 0",
       "tolerated: a whole number of at least 1",
       "totalSteps: a whole number of at least 2",
       "train: a whole number from 1 to 1000000",
       "trainable: true or false",
       "tryFixes: true or false",
       "units: a whole number of at least 1",
       "useBias: true or false",
       "validationBatchSize: a whole number of at least 1",
       "validationSplit: a finite number from 0 to 0.999",
       "validationSteps: a whole number of at least 1",
       "value: a finite number",
       "value: a finite number above 0",
       "values: an array; finite numbers of at least 0, one for each piece",
       "vanishingRatio: a finite number from 0 to 1",
       "verbose: one of 0, 1",
       "verbose: one of 0, 1, 2",
       "warmUp: a whole number of at least 1",
       "warmUp: a whole number of at least 1; warmUp must be at most the window",
       "warmupFraction: a finite number from 0 to 1",
       "warmupSteps: a whole number of at least 0",
       "warmupTarget: a finite number of at least 0",
       "weightDecay: a finite number of at least 0",
       "weightLayout: one of "adjoint", "keras", "torch"",
       "weights: an array",
       "weights: an array; of names among gradientNorm, gradientMax, zeroFraction, nonFinite, weightNorm, updateRatio, cosine",
       "window: a whole number from 3 to 4096",
     ]
    `);
  });
});
