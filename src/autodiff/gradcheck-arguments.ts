import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { currentServices } from '../core/services.js';
import type { Tensor } from '../engine/tfjs.js';
import type { NamedTensor } from './run-gradcheck.js';
import { flattenTree, unflattenTree, type TensorTree } from './tensor-tree.js';

/** The arguments' tensors with their names, and the way back. */
export function flattenArguments(
  fn: object,
  inputs: readonly TensorTree[],
  givenNames: readonly string[] | undefined,
  where: string,
): { leaves: NamedTensor[]; rebuild: (tensors: readonly Tensor[]) => TensorTree[] } {
  if (!Array.isArray(inputs)) {
    throw new OptionsError('gradcheck-input', {
      where: `the inputs of ${where}`,
      expected: "an array of the function's arguments: [x]",
      received: formatValue(inputs),
    });
  }
  const names = givenNames ?? namesOfRule(fn);
  if (names !== undefined && names.length !== inputs.length) {
    throw new OptionsError('invalid-option', {
      where: `option "names" of ${where}`,
      expected: `${inputs.length} names, one for each input`,
      received: `${names.length}`,
    });
  }
  const trees: readonly TensorTree[] = inputs;
  const flat = Array.from(trees, (tree, i) => {
    const name = names?.[i] ?? String(i);
    const leaves = flattenTree(tree, `input "${name}" of ${where}`);
    return leaves.map(({ path, tensor }) => ({ name: join(name, path), tensor }));
  });
  const rebuild = (tensors: readonly Tensor[]): TensorTree[] => {
    let next = 0;
    return trees.map(
      (tree, i) => unflattenTree<unknown, Tensor>(tree, tensors.slice(next, (next += flat[i]!.length))) as TensorTree,
    );
  };
  return { leaves: flat.flat(), rebuild };
}

function join(name: string, path: string): string {
  return path === '' || path.startsWith('[') ? `${name}${path}` : `${name}.${path}`;
}

/** A function made by `defineVjp` knows what its inputs are called. */
function namesOfRule(fn: object): readonly string[] | undefined {
  if (!('ruleName' in fn)) return undefined;
  const rules = currentServices().rules.values();
  return rules.find(({ name }) => name === fn.ruleName)?.inputs;
}
