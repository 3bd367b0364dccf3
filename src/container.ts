import 'reflect-metadata';
import { Container, type ServiceIdentifier } from 'inversify';
import { declaredRules } from './autodiff/custom-vjp.js';
import { installAutodiff } from './autodiff/install-autodiff.js';
import { callbackTable } from './callbacks/callback-table.js';
import { DECLARED_KINDS, ownDeclaration, type DeclaredKind } from './core/declaration.js';
import { SetupError } from './core/errors.js';
import { consoleLogger, type Logger } from './core/logger.js';
import { Registry } from './core/registry.js';
import {
  provideDefaultServices,
  withServices,
  type DeclaredClass,
  type NamedRule,
  type Services,
} from './core/services.js';
import { debugTable } from './debug/debug-table.js';
import { onEngineStart } from './engine/start-engine.js';
import { layerTable } from './layers/layer-table.js';
import { lossTable } from './losses/loss-table.js';
import { metricTable } from './metrics/metric-table.js';
import { Sequential } from './model/sequential.js';
import { optimizerTable } from './optimizers/optimizer-table.js';
import { scheduleTable } from './optimizers/schedules/schedule-table.js';

/** What {@link createAdjoint} may be given. */
export interface AdjointOptions {
  /** Where notes and warnings go. Default the console. */
  readonly logger?: Logger;
}

const LOGGER: ServiceIdentifier<Logger> = Symbol.for('adjoint:logger');
const REGISTRIES: ServiceIdentifier<Services['registries']> = Symbol.for('adjoint:registries');
const RULES: ServiceIdentifier<Services['rules']> = Symbol.for('adjoint:rules');

/**
 * An instance of Adjoint: registries of classes by name, and services. `new Model()` and `register()` use a default
 * one; make another to keep registrations or the logger of a part of a program apart.
 *
 * @example
 * ```ts
 * import { BaseLoss, createAdjoint, layers, Loss, Sequential, tf, type Tensor } from 'adjoint';
 *
 * @Loss('app/absolute-error')
 * class AbsoluteError extends BaseLoss {
 *   perExample(labels: Tensor, predictions: Tensor): Tensor {
 *     return tf.mean(tf.abs(tf.sub(labels, predictions)), -1);
 *   }
 * }
 * const adjoint = createAdjoint();
 * adjoint.register(AbsoluteError);
 * const model = adjoint.create(() => new Sequential([layers.dense({ units: 1 })]));
 * model.compile({ loss: 'app/absolute-error' });
 * model.dispose();
 * ```
 */
export class Adjoint {
  private readonly services: Services;

  /** @internal */
  constructor(container: Container) {
    this.services = servicesOf(container);
  }

  /**
   * Makes declared classes known by their names, for `compile` and for files, and the rules of their `@CustomVjp` methods,
   * for `listVjps`.
   *
   * @throws SetupError [not-declared | registered-twice]
   */
  register(...classes: readonly DeclaredClass[]): void {
    for (const declaredClass of classes) {
      const declaration = ownDeclaration(declaredClass);
      if (declaration === undefined) {
        throw new SetupError('not-declared', {
          where: `register(${declaredClass.name})`,
          expected: `a class with one of the decorators @Layer, @Model, @Loss, @Metric, @Optimizer, @Schedule, @Callback`,
          received: 'a class without',
          fix: `write e.g. @Layer('app/${declaredClass.name.toLowerCase()}') above the class`,
        });
      }
      for (const rule of declaredRules(declaredClass)) this.services.rules.register(rule.name, rule);
      this.services.registries[declaration.kind].register(declaration.name, declaredClass);
    }
  }

  /** Runs `make`, and whatever it makes belongs to this instance. */
  create<T>(make: () => T): T {
    return withServices(this.services, make);
  }

  /** Names of all registered classes of a kind. */
  names(kind: DeclaredKind): string[] {
    return this.services.registries[kind].names();
  }
}

/**
 * Makes an instance of its own, with the built-in classes registered.
 *
 * @example
 * ```ts
 * import { createAdjoint } from 'adjoint';
 *
 * const adjoint = createAdjoint({ logger: { info: () => {}, warn: console.warn } });
 * console.log(adjoint.names('loss').includes('mse')); // true
 * ```
 */
export function createAdjoint(options: AdjointOptions = {}): Adjoint {
  return new Adjoint(composeContainer(options));
}

let defaultContainer: Container | undefined;

/**
 * Makes declared classes known to the default instance; see {@link Adjoint.register}.
 *
 * @example
 * ```ts
 * import { BaseLayer, Layer, register, type Tensor } from 'adjoint';
 *
 * @Layer('app/negate')
 * class Negate extends BaseLayer {
 *   call(x: Tensor): Tensor {
 *     return x.neg();
 *   }
 * }
 * register(Negate);
 * ```
 */
export function register(...classes: readonly DeclaredClass[]): void {
  new Adjoint(theDefaultContainer()).register(...classes);
}

/** Binds what one instance is composed of. */
function composeContainer({ logger = consoleLogger }: AdjointOptions): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  container.bind(LOGGER).toConstantValue(logger);
  container.bind(REGISTRIES).toDynamicValue(builtInRegistries);
  container.bind(RULES).toDynamicValue(() => new Registry<NamedRule>('rule'));
  return container;
}

function servicesOf(container: Container): Services {
  return { registries: container.get(REGISTRIES), rules: container.get(RULES), logger: container.get(LOGGER) };
}

function builtInRegistries(): Services['registries'] {
  const registries = Object.fromEntries(
    DECLARED_KINDS.map((kind) => [kind, new Registry<DeclaredClass>(kind)]),
  ) as Record<DeclaredKind, Registry<DeclaredClass>>;
  const tables: Record<DeclaredKind, Readonly<Record<string, DeclaredClass>>> = {
    layer: layerTable,
    model: { sequential: Sequential },
    loss: lossTable,
    metric: metricTable,
    optimizer: optimizerTable,
    schedule: scheduleTable,
    callback: { ...callbackTable, ...debugTable },
  };
  for (const kind of DECLARED_KINDS) {
    for (const [alias, declaredClass] of Object.entries(tables[kind])) {
      registries[kind].register(ownDeclaration(declaredClass)!.name, declaredClass, [alias]);
    }
  }
  return registries;
}

function theDefaultContainer(): Container {
  defaultContainer ??= composeContainer({});
  return defaultContainer;
}

provideDefaultServices(() => servicesOf(theDefaultContainer()));
onEngineStart(installAutodiff);
