/**
 * Adjoint: neural-network training in TypeScript on TensorFlow.
 *
 * @packageDocumentation
 */
import './container.js';

export { tf } from './engine/tfjs.js';
export type { DataType, Rank, Scalar, Tensor, TensorLike, TypedArray } from './engine/tfjs.js';
export { startEngine, useEngine, type Engine, type EngineCounters } from './engine/start-engine.js';
export type { EngineOptions } from './engine/engine-options.js';
export type { Device } from './engine/ffi/eager-context.js';
export { inFloat64, isFloat64, readFloat64 } from './engine/float64.js';
export { opPrecision, setOpPrecision, type OpPrecision } from './engine/precision/precision-table.js';
export type { Precision } from './engine/precision/precision-names.js';
export { float32 } from './autodiff/float32.js';
export { recorded, type Recorded, type TensorResult } from './engine/record/recorded.js';
export { Variable } from './engine/variable.js';

export {
  AdjointError,
  CallbackError,
  DataError,
  EngineError,
  GradientError,
  LookupError,
  OptionsError,
  SetupError,
  ShapeError,
  StateError,
  TraceError,
} from './core/errors.js';
export type { ErrorDetails } from './core/errors.js';
export { NoOptions, type DeclaredKind, type OptionsClass } from './core/declaration.js';
export type { Logger } from './core/logger.js';
export type { OptionsInput } from './core/parse-options.js';
export type { PathPredicate } from './core/path-predicate.js';
export { PathTree } from './core/path-tree.js';
export {
  IntegerStream,
  integers,
  normal,
  permutation,
  RngKey,
  rngKey,
  truncatedNormal,
  uniform,
} from './core/rng-key.js';
export type { RngPathPart } from './core/rng-key.js';
export type { DeclaredClass } from './core/services.js';
export type { Shape } from './core/shape.js';

export { fisherVectorProduct } from './autodiff/fisher-vector-product.js';
export { grad } from './autodiff/grad.js';
export { hessian } from './autodiff/hessian.js';
export { hessianTrace, HessianTraceOptions, type HessianTrace } from './autodiff/hessian-trace.js';
export { hvp, type HessianProduct } from './autodiff/hvp.js';
export { jacobian, type JacobianOptions } from './autodiff/jacobian.js';
export { jvp, type Jvp } from './autodiff/jvp.js';
export { linearize, type Linearized, type TangentsOf } from './autodiff/linearize.js';
export { perExampleGrads } from './autodiff/per-example-grads.js';
export { noGrad } from './autodiff/no-grad.js';
export { stopGradient } from './autodiff/stop-gradient.js';
export { mapTree, type TensorTree, type TreeOf } from './autodiff/tensor-tree.js';
export { valueAndGrad } from './autodiff/value-and-grad.js';
export type {
  GradientsOf,
  GradOptions,
  LeafUnder,
  ValueAndGrad,
  ValueAndGradOptions,
} from './autodiff/value-and-grad.js';
export { vjp, type Vjp } from './autodiff/vjp.js';
export { registerKernelVjp } from './autodiff/register-kernel-vjp.js';
export type { KeptTensors, KernelVjpRule, Removable } from './autodiff/register-kernel-vjp.js';
export type { KernelAttributes } from './autodiff/tape.js';
export { valueAndGradients, type ValueAndGradients } from './autodiff/value-and-gradients.js';

export { customRoot, type CustomRootOptions } from './autodiff/custom-root.js';
export type { KeptValues } from './autodiff/custom-rule.js';
export { CustomVjp, type TensorMethod, type MethodVjpRule } from './autodiff/custom-vjp.js';
export { defineVjp } from './autodiff/define-vjp.js';
export type { CustomFunction, TensorsOf, VjpForward, VjpRule } from './autodiff/define-vjp.js';
export { fixedPoint, type FixedPointOptions } from './autodiff/fixed-point.js';
export { GradientTape, gradientTape, type TapeGradientOptions } from './autodiff/gradient-tape.js';
export { conjugateGradients, type ConjugateGradientsOptions, type LinearSolver } from './autodiff/linear-solvers.js';
export { listVjps, type VjpDescription } from './autodiff/list-vjps.js';
export { withRuleChecks } from './autodiff/rule-checks.js';
export { straightThrough, type StraightThroughOptions } from './autodiff/straight-through.js';
export { gradcheck } from './autodiff/gradcheck.js';
export { CheckOptions, GradcheckOptions, ModelGradcheckOptions } from './autodiff/gradcheck-options.js';
export { GradcheckReport } from './autodiff/gradcheck-report.js';
export type {
  GradcheckElement,
  GradcheckFindings,
  GradcheckInput,
  GradcheckKink,
  GradcheckProblem,
} from './autodiff/gradcheck-report.js';
export { gradgradcheck } from './autodiff/gradgradcheck.js';

export { initializers } from './initializers/resolve-initializer.js';
export type { InitializerConfig, InitializerLike, InitializerName } from './initializers/resolve-initializer.js';
export type { Initializer } from './initializers/initializer.js';
export { ConstantOptions } from './initializers/constant.js';
export { NormalOptions } from './initializers/normal-options.js';
export { RandomUniformOptions } from './initializers/random-uniform.js';
export { VarianceScalingOptions } from './initializers/variance-scaling.js';

export { BaseLayer, type LayerInput } from './layers/base-layer.js';
export { CallContext, type CallOptions } from './layers/call-context.js';
export { Child, Layer, Weight, type WeightSpec, type WeightSpecFactory } from './layers/declarations.js';
export { KernelLayerOptions } from './layers/kernel-layer-options.js';
export { LayerOptions } from './layers/layer-options.js';
export { WeightHandle } from './layers/weight-handle.js';
export { layers } from './layers/layers.js';
export { Activation, ActivationOptions } from './layers/activation.js';
export type { ActivationLike, ActivationName } from './layers/activations.js';
export { Add } from './layers/add.js';
export { BatchNormalization, BatchNormalizationOptions } from './layers/batch-normalization.js';
export { Conv2D, Conv2DOptions } from './layers/conv2d.js';
export { Dense, DenseOptions } from './layers/dense.js';
export { Dropout, DropoutOptions } from './layers/dropout.js';
export { Flatten } from './layers/flatten.js';
export { GlobalAveragePooling2D } from './layers/global-average-pooling2d.js';
export { MaxPooling2D, MaxPooling2DOptions } from './layers/max-pooling2d.js';
export { Reshape, ReshapeOptions } from './layers/reshape.js';
export { Residual, ResidualOptions } from './layers/residual.js';
export { linearDepthRates, StochasticDepth, StochasticDepthOptions } from './layers/stochastic-depth.js';
export type { Padding, Size2D } from './layers/option-validators.js';
export { L1L2Options, L1Options, L2Options, regularizers } from './layers/regularizers.js';
export type { RegularizerConfig, RegularizerLike, RegularizerName } from './layers/regularizers.js';
export type { Regularizer } from './layers/regularizer.js';

export { BaseLoss, type LabelArray } from './losses/base-loss.js';
export { Loss } from './losses/declarations.js';
export { CrossentropyOptions, LossOptions, type LossReduction } from './losses/loss-options.js';
export type { LossFunction } from './losses/function-loss.js';
export { BinaryCrossentropy } from './losses/binary-crossentropy.js';
export { CategoricalCrossentropy } from './losses/categorical-crossentropy.js';
export { MeanSquaredError } from './losses/mean-squared-error.js';
export { SparseCategoricalCrossentropy } from './losses/sparse-categorical-crossentropy.js';

export { BaseMetric, type MetricSums } from './metrics/base-metric.js';
export { Metric } from './metrics/declarations.js';
export { MetricOptions } from './metrics/metric-options.js';
export type { MetricFunction } from './metrics/function-metric.js';
export { BinaryAccuracy, BinaryAccuracyOptions } from './metrics/binary-accuracy.js';
export { CategoricalAccuracy } from './metrics/categorical-accuracy.js';
export { Mean } from './metrics/mean.js';
export { SparseCategoricalAccuracy } from './metrics/sparse-categorical-accuracy.js';
export { WeightedMeanMetric } from './metrics/weighted-mean-metric.js';

export { BaseOptimizer, type WeightUpdate } from './optimizers/base-optimizer.js';
export { Optimizer } from './optimizers/declarations.js';
export { OptimizerOptions } from './optimizers/optimizer-options.js';
export { clipByGlobalNorm } from './optimizers/clip-by-global-norm.js';
export { clipByNorm } from './optimizers/clip-by-norm.js';
export { clipByValue } from './optimizers/clip-by-value.js';
export { clipAdaptively } from './optimizers/clip-adaptively.js';
export { centralizeGradients } from './optimizers/centralize-gradients.js';
export { gradientNoise } from './optimizers/gradient-noise.js';
export { langevinNoise } from './optimizers/langevin-noise.js';
export { GradientNoiseOptions, noiseTransform } from './optimizers/noise-options.js';
export { onlyFor } from './optimizers/only-for.js';
export { spikeProtection, SpikeProtectionOptions } from './optimizers/spike-protection.js';
export { LookaheadOptions } from './optimizers/lookahead.js';
export { WeightAverageOptions } from './optimizers/weight-average.js';
export { ClipOptions, clipTransform } from './optimizers/clip-options.js';
export type {
  GradientTransform,
  TensorsByPath,
  TransformStep,
  TransformVariable,
} from './optimizers/gradient-transform.js';
export { Adam, AdamOptions } from './optimizers/adam.js';
export { AdamW, AdamWOptions } from './optimizers/adam-w.js';
export { SGD, SGDOptions } from './optimizers/sgd.js';

export { BatchOptions, Dataset, IterableOptions, ShuffleOptions } from './data/dataset.js';
export type { DatasetSource } from './data/dataset-source.js';
export type { AnyIterable } from './data/iterable-source.js';
export type { Batch, Example, ExampleInput } from './data/example.js';
export { toHostArray } from './data/host-array.js';
export type {
  HostArray,
  HostArrayInput,
  HostDataType,
  NestedNumbers,
  NumericTypedArray,
  ToHostArrayOptions,
} from './data/host-array.js';
export { readIdx, readIdxFile, type IdxArray, type IdxType } from './data/idx.js';
export { loadMnist, LoadMnistOptions, type DigitDataset, type LabelledImages } from './data/mnist.js';
export { downloadMnist, DownloadMnistOptions } from './data/download-mnist.js';
export { handwrittenDigits, HandwrittenDigitsOptions } from './data/handwritten-digits.js';

export { HOOKS } from './training/callback-contract.js';
export type { CallbackContract, HookName, RunProgress, TrainingRun } from './training/callback-contract.js';
export type { ExecutionMode } from './training/execution-mode.js';
export type { Logs } from './training/logs.js';
export { LAYER_QUANTITIES, WEIGHT_QUANTITIES } from './training/probe-contract.js';
export type {
  Histogram,
  LayerQuantity,
  LayerReading,
  NoiseReading,
  ProbeReading,
  ProbeRequest,
  WeightQuantity,
  WeightReading,
} from './training/probe-contract.js';
export { MinimizeOptions, type StepContext } from './training/step-context.js';
export type { DeviceBatch as StepBatch } from './training/device-batch.js';
export type { WeightSnapshot } from './training/weight-snapshot.js';
export type { BatchSource } from './training/batches.js';
export {
  EvaluateOptions,
  FitOptions,
  PredictOptions,
  ProfileOptions,
  TrainOnBatchOptions,
} from './training/fit-options.js';
export { DebugOptions } from './training/debug-options.js';
export { LossScaleOptions, type LossScaleLike } from './training/loss-scale-settings.js';
export { Profile, type LayerProfile, type OpProfile, type ProfilePhase } from './training/profile.js';
export type { Phase } from './core/path-scope.js';
export { NonFiniteReport, type NonFiniteFindings, type NonFiniteKind } from './training/non-finite-report.js';
export type { FaultyExamples } from './training/faulty-examples.js';
export type { ValueStatistics } from './training/value-statistics.js';
export type { Trainable, TrainableWeight } from './training/trainable.js';
export type { Execution } from './training/training-plan.js';

export { BaseCallback } from './callbacks/callback.js';
export { Callback } from './callbacks/declarations.js';
export type { MonitorMode } from './callbacks/monitor.js';
export { Backup, BackupOptions } from './callbacks/backup.js';
export { ModelCheckpoint, ModelCheckpointOptions } from './callbacks/model-checkpoint.js';
export type { CallbackState } from './training/callback-state.js';
export type { CheckpointPoint, CheckpointRequest } from './training/checkpoint-contract.js';
export { EarlyStopping, EarlyStoppingOptions } from './callbacks/early-stopping.js';
export { History } from './callbacks/history.js';
export { LambdaCallback, LambdaCallbackOptions } from './callbacks/lambda-callback.js';
export { ProgressBar, ProgressBarOptions } from './callbacks/progress-bar.js';
export type { LineStream } from './callbacks/terminal-bar.js';
export { TerminateOnNaN } from './callbacks/terminate-on-nan.js';

export { ActivationMonitor, ActivationMonitorOptions } from './debug/activation-monitor.js';
export type { ActivationFinding, ActivationFindingKind } from './debug/activation-monitor.js';
export { DeadUnits, DeadUnitsOptions, type DeadUnitsFinding, type UnitActivity } from './debug/dead-units.js';
export { diagnose, DiagnoseOptions, type LoopStep } from './debug/diagnose.js';
export { CAUSES, type CauseName, type DoctorFinding } from './debug/diagnoses/diagnosis.js';
export type { Finding, SeenFinding } from './debug/finding.js';
export { GradientDoctor, GradientDoctorOptions } from './debug/gradient-doctor.js';
export type { TriedFix } from './debug/try-fixes.js';
export { GradientMonitor, GradientMonitorOptions } from './debug/gradient-monitor.js';
export { GradientNoiseScale, GradientNoiseScaleOptions } from './debug/gradient-noise-scale.js';
export type { GradientFinding, GradientFindingKind } from './debug/gradient-rules.js';
export { labelShuffleCheck, LabelShuffleOptions, type LabelShuffleResult } from './debug/label-shuffle-check.js';
export { LeakGuard, LeakGuardOptions, type LeakFinding } from './debug/leak-guard.js';
export { NonFiniteGuard, NonFiniteGuardOptions } from './debug/non-finite-guard.js';
export { overfitBatch, OverfitBatchOptions, type OverfitBatchResult } from './debug/overfit-batch.js';
export { ProbeMonitor, ProbeMonitorOptions } from './debug/probe-monitor.js';
export { RetraceGuard, RetraceGuardOptions, type RetraceFinding } from './debug/retrace-guard.js';
export { SaturationMonitor, SaturationMonitorOptions, type SaturationFinding } from './debug/saturation-monitor.js';
export type { TrialModel } from './debug/trial-model.js';
export type { MissingGradient, MissingGradientReason } from './training/explain-missing-gradient.js';
export { DebugReport, DebugReportOptions } from './debug/report/debug-report.js';

export { BaseModel } from './model/base-model.js';
export { CompileOptions } from './model/compile-options.js';
export { Model } from './model/declarations.js';
export {
  ExportOptions,
  LoadModelOptions,
  LoadWeightsOptions,
  SaveModelOptions,
  SaveWeightsOptions,
} from './model/file-options.js';
export type { WeightReport } from './model/weight-file.js';
export type { ImageShape, WeightLayout } from './model/weight-layouts.js';
export { Sequential, sequential, SequentialOptions } from './model/sequential.js';

export { Adjoint, createAdjoint, register, type AdjointOptions } from './container.js';
export { loadModel } from './compat/load-model.js';

export { ConstantSchedule, ConstantScheduleOptions } from './optimizers/schedules/constant-schedule.js';
export { CosineDecay, CosineDecayOptions } from './optimizers/schedules/cosine-decay.js';
export { CosineDecayRestarts, CosineDecayRestartsOptions } from './optimizers/schedules/cosine-decay-restarts.js';
export { DecayOptions } from './optimizers/schedules/decay-options.js';
export { Schedule } from './optimizers/schedules/declarations.js';
export { ExponentialDecay, ExponentialDecayOptions } from './optimizers/schedules/exponential-decay.js';
export { InverseTimeDecay, InverseTimeDecayOptions } from './optimizers/schedules/inverse-time-decay.js';
export { LearningRateSchedule, type ScheduleConfig } from './optimizers/schedules/learning-rate-schedule.js';
export { OneCycle, OneCycleOptions } from './optimizers/schedules/one-cycle.js';
export {
  PiecewiseConstantDecay,
  PiecewiseConstantDecayOptions,
} from './optimizers/schedules/piecewise-constant-decay.js';
export { PolynomialDecay, PolynomialDecayOptions } from './optimizers/schedules/polynomial-decay.js';
export { StepDecay, StepDecayOptions } from './optimizers/schedules/step-decay.js';
export { WarmUpOptions } from './optimizers/schedules/warm-up.js';
export { LearningRateScheduler, LearningRateSchedulerOptions } from './callbacks/learning-rate-scheduler.js';
export { ReduceLROnPlateau, ReduceLROnPlateauOptions } from './callbacks/reduce-lr-on-plateau.js';
export { findLearningRate, FindLearningRateOptions } from './model/find-learning-rate.js';
export { LearningRateCurve } from './training/learning-rate-curve.js';

export { checkpoint } from './autodiff/checkpoint.js';
export { Checkpoint } from './layers/checkpointing.js';
export type { CheckpointPolicy } from './model/checkpoint-policy.js';
export { MemoryReport } from './training/memory-report.js';
export { MemoryReportOptions } from './training/fit-options.js';
