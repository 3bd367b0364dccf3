import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { choosesNothing, compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { isChainPolicy, type ChainPolicy, type CheckpointPolicy } from './checkpoint-policy.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** A layer that can run its children in checkpointed segments. */
export interface Chain {
  /** In the place of its own option; `undefined` for that. */
  setCheckpointPolicy(policy: ChainPolicy | undefined): void;
  /** Measures what a policy needs to know of the layers; once the model is built. */
  measureForCheckpoints(): void;
  /** The option that it was made with. */
  readonly ownCheckpointPolicy: CheckpointPolicy | undefined;
}

function isChain(layer: object): layer is AnyLayer & Chain {
  return 'setCheckpointPolicy' in layer;
}

/** Has the layers of a built model follow `compile`'s policy, and measures them where it needs that. */
export function settleCheckpointPolicy(model: AnyLayer, policy: CheckpointPolicy | undefined, where: string): void {
  applyCheckpointPolicy(model, policy, where, true);
  visit(model, (layer) => {
    if (isChain(layer)) layer.measureForCheckpoints();
  });
}

/** Puts a policy in the place of that of an earlier `compile`, which goes on to hold where the new one is refused. */
export function changeCheckpointPolicy(
  model: AnyLayer,
  before: CheckpointPolicy | undefined,
  policy: CheckpointPolicy | undefined,
  where: string,
  built: boolean,
): void {
  try {
    if (built) settleCheckpointPolicy(model, policy, where);
    else applyCheckpointPolicy(model, policy, where, false);
  } catch (error) {
    applyCheckpointPolicy(model, before, where, false);
    throw error;
  }
}

/** @param strict - whether layers that a predicate names must be there: some are made when the model is built */
function applyCheckpointPolicy(
  model: AnyLayer,
  policy: CheckpointPolicy | undefined,
  where: string,
  strict: boolean,
): void {
  visit(model, (layer) => {
    layer.setCheckpointed(model, false);
    if (isChain(layer)) layer.setCheckpointPolicy(undefined);
  });
  const at = `option "checkpoint" of ${where}`;
  if (policy === undefined) {
    visit(model, (layer) => {
      const own = isChain(layer) ? layer.ownCheckpointPolicy : undefined;
      if (own !== undefined && !isChainPolicy(own)) {
        byPath(layer, own, `option "checkpoint" of ${layer.describe()}`, strict, model);
      }
    });
    return;
  }
  if (!isChainPolicy(policy)) return byPath(model, policy, at, strict);
  const chains = outermostChains(model);
  for (const chain of chains) chain.setCheckpointPolicy(policy);
  if (policy === 'all' && !isChain(model)) {
    for (const [, child] of model.children()) if (!isChain(child)) child.setCheckpointed(model, true);
    return;
  }
  const most = typeof policy === 'object' && 'maxActivationMb' in policy ? 1 : Infinity;
  if (policy === 'none' || policy === 'all' || (chains.length > 0 && chains.length <= most)) return;
  for (const chain of chains) chain.setCheckpointPolicy(undefined);
  throw new OptionsError('invalid-option', {
    where: at,
    expected:
      most === 1 ? 'a model with one sequential part, to which the budget belongs' : 'a model with a sequential part',
    received: `${formatValue(policy)}, and ${chains.length === 0 ? 'none' : `${chains.length} of them`}`,
    fix: "name layers by a predicate, e.g. checkpoint: 'body/*', or write 'all'",
  });
}

function byPath(model: AnyLayer, predicate: PathPredicate, where: string, strict: boolean, by: AnyLayer = model): void {
  const matches = compilePathPredicate(predicate, where);
  const paths: string[] = [];
  let chosen = 0;
  const look = (layer: AnyLayer, prefix: string): void => {
    for (const [name, child] of layer.children()) {
      const path = `${prefix}${name}`;
      paths.push(path);
      if (matches(path)) {
        child.setCheckpointed(by, true);
        chosen++;
      } else look(child, `${path}/`);
    }
  };
  look(model, '');
  if (chosen === 0 && strict)
    throw choosesNothing(predicate, where, 'layer of the model', paths, ['none', 'all', 'sqrt']);
}

function outermostChains(layer: AnyLayer): Chain[] {
  if (isChain(layer)) return [layer];
  return layer.children().flatMap(([, child]) => outermostChains(child));
}

function visit(layer: AnyLayer, fn: (layer: AnyLayer) => void): void {
  fn(layer);
  for (const [, child] of layer.children()) visit(child, fn);
}
