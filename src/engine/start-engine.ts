import { resolve } from 'node:path';
import { OptionsError, StateError } from '../core/errors.js';
import { checkEngineOptions, toConfigProto, type EngineOptions } from './engine-options.js';
import { loadCApi } from './ffi/c-api.js';
import { cLibrary } from './ffi/c-library.js';
import { createEagerContext, type Device } from './ffi/eager-context.js';
import { Status } from './ffi/status.js';
import { TensorFlowBinding } from './ffi/tensorflow-binding.js';
import { installKernels } from './kernels/install-kernels.js';
import { checkLibrary, checkLoadedVersion } from './library/check-library.js';
import { findLibrary } from './library/find-library.js';
import { refuseDisposedData } from './refuse-disposed-data.js';
import { refuseSecondTfjs } from './second-tfjs.js';
import { TensorFlowBackend } from './tensorflow-backend.js';
import { tf } from './tfjs.js';
import { liveVariables } from './live-variables.js';
import { UnavailableBackend } from './unavailable-backend.js';

/** Live objects and work done since the engine started; exact. */
export interface EngineCounters {
  /** Tensors that tfjs knows. */
  readonly tensors: number;
  /** Native tensor handles, those of variables included. */
  readonly handles: number;
  /** TensorFlow variables: weights, optimizer state, counters, sums. */
  readonly variables: number;
  /** Ops that TensorFlow ran. */
  readonly executedOps: number;
  /** Recorded functions that TensorFlow ran. */
  readonly functionCalls: number;
}

/** The running engine. */
export interface Engine {
  readonly name: 'tensorflow';
  /** TensorFlow's version, e.g. `2.21.0`. */
  readonly version: string;
  /** Path of the TensorFlow library. */
  readonly libraryPath: string;
  /** The device that ops run on by default, e.g. `CPU:0`. */
  readonly device: string;
  /** Every device that TensorFlow found. */
  devices(): readonly Device[];
  /** What is alive and what was done, for tests of leaks. */
  counters(): EngineCounters;
  /** @internal */
  readonly backend: TensorFlowBackend;
}

const BACKEND = 'tensorflow';
/** Above tfjs's own backends, which stop at 3. */
const PRIORITY = 10;

let chosen: EngineOptions = {};
let running: Engine | undefined;
const listeners: ((engine: Engine) => void)[] = [];

/**
 * Chooses how TensorFlow runs in this process; call it before anything computes.
 *
 * @throws OptionsError on an unknown or invalid option; StateError [engine-running] once the engine runs
 *
 * @example
 * ```ts
 * import { tf, useEngine } from 'adjoint';
 *
 * useEngine({ intraOpThreads: 1 });
 * tf.add(1, 2).print();
 * ```
 */
export function useEngine(options: EngineOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionsError('invalid-option', { where: 'useEngine', expected: 'an object', received: String(options) });
  }
  checkEngineOptions(options);
  if (running !== undefined) {
    throw new StateError('engine-running', {
      where: 'useEngine',
      expected: 'to be called before anything computes',
      received: `a running engine (TensorFlow ${running.version})`,
      fix: 'call useEngine at the top of the program',
    });
  }
  chosen = { ...chosen, ...options };
}

/**
 * Starts TensorFlow, once; anything that computes does so by itself.
 *
 * When to use: to see version, device and counters, or to have the start-up time at a moment of your choice.
 *
 * @returns the running engine, the same one every time
 * @throws EngineError where no usable library is found; SetupError where the process holds two copies of tfjs-core
 *
 * @example
 * ```ts
 * import { startEngine } from 'adjoint';
 *
 * const engine = startEngine();
 * console.log(engine.version, engine.device, engine.counters().tensors); // 2.21.0 CPU:0 0
 * ```
 */
export function startEngine(): Engine {
  if (running === undefined) {
    const engine = start();
    if (tf.engine().findBackendFactory(BACKEND) !== null) tf.removeBackend(BACKEND);
    tf.registerBackend(BACKEND, () => engine.backend, PRIORITY);
    announce(engine);
  }
  const engine = running as unknown as Engine;
  // With a synchronous factory this takes effect before it returns.
  if (tf.getBackend() !== BACKEND) void tf.setBackend(BACKEND);
  return engine;
}

/** The running engine, started if need be. */
export function engine(): Engine {
  return running ?? startEngine();
}

/** What `useEngine` chose. */
export function engineOptions(): Readonly<EngineOptions> {
  return chosen;
}

/** The engine if it runs: for questions that must not start it. */
export function runningEngine(): Engine | undefined {
  return running;
}

/** Calls `listener` when the engine starts, or now if it runs. The backend is not yet tfjs's current one: run no ops. */
export function onEngineStart(listener: (engine: Engine) => void): void {
  listeners.push(listener);
  if (running !== undefined) listener(running);
}

function start(): Engine {
  refuseSecondTfjs();
  const path = chosen.library === undefined ? findLibrary().path : resolve(chosen.library);
  checkLibrary(path);
  const binding = quietly(() => openLibrary(path));
  installKernels();
  refuseDisposedData();
  const backend = new TensorFlowBackend(binding, '@tensorflow/tfjs-node-gpu');
  const { devices } = binding.context;
  const preferred = devices.find((device) => device.type === 'GPU') ?? devices[0];
  return {
    name: 'tensorflow',
    version: binding.TF_Version,
    libraryPath: path,
    device: preferred?.name.split('device:').at(-1) ?? 'none',
    devices: () => devices,
    counters: () => ({
      tensors: tf.engine().memory().numTensors,
      handles: binding.handles.live,
      variables: liveVariables.size,
      executedOps: binding.counts.executedOps,
      functionCalls: binding.counts.functionCalls,
    }),
    backend,
  };
}

function openLibrary(path: string): TensorFlowBinding {
  const library = cLibrary();
  // Read by TensorFlow while it is loaded.
  // Off, as TensorFlow has it, every backward convolution makes its oneDNN primitive anew at each call: a tenth of a step
  // of ResNet-20. The name promises less memory; resident memory was the same.
  library.setEnvironment(
    'TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE',
    process.env['TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE'] ?? 'false',
  );
  if (!verbose()) library.setEnvironment('TF_CPP_MIN_LOG_LEVEL', process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2');
  if (chosen.deterministic === true) library.setEnvironment('TF_DETERMINISTIC_OPS', '1');
  const api = loadCApi(path);
  // The FFI unloads its libraries when the process ends, under TensorFlow's still running threads.
  library.pin(path);
  checkLoadedVersion(api.TF_Version(), path);
  const status = new Status(api);
  return new TensorFlowBinding(api, status, createEagerContext(api, status, toConfigProto(chosen)));
}

function verbose(): boolean {
  return chosen.verbose ?? process.env['ADJOINT_VERBOSE'] === '1';
}

/** TensorFlow prints two lines while it starts whatever its log level is. */
function quietly<T>(body: () => T): T {
  if (verbose()) return body();
  const restore = cLibrary().silenceStandardError();
  try {
    return body();
  } finally {
    restore();
  }
}

function announce(engine: Engine): void {
  running = engine;
  for (const listener of listeners) listener(engine);
}

// tfjs falls back to its next backend when a factory throws. A backend that throws on use keeps the first operation
// from running in JavaScript in silence; startEngine() puts a real one in its place.
tf.registerBackend(
  BACKEND,
  () => {
    try {
      const engine = start();
      announce(engine);
      return engine.backend;
    } catch (error) {
      return new UnavailableBackend(error);
    }
  },
  PRIORITY,
);
