import { ATTRIBUTE_KINDS, type OpAttribute } from '../ffi/op-attributes.js';
import type { OpDefinition } from './op-definitions.js';
import type { GraphNode } from './recorded-graph.js';

/**
 * A node's attributes with those added that eager execution derives from the inputs but a graph must spell out: types
 * and the lengths of lists. Attributes that the op does not know are left out, as the eager runtime does.
 */
export function completeAttributes(node: GraphNode, definition: OpDefinition): OpAttribute[] {
  const known = new Set(definition.attr.map(({ name }) => name));
  const attributes = new Map(node.attributes.filter(({ name }) => known.has(name)).map((given) => [given.name, given]));
  const types = node.inputs.map(({ node: input, index }) => input.outputs[index]!.type);
  const lists = definition.inputArg.filter(
    ({ numberAttr, typeListAttr }) => numberAttr !== '' || typeListAttr !== '',
  ).length;
  const inLists = types.length - (definition.inputArg.length - lists);
  let position = 0;
  for (const { typeAttr, numberAttr, typeListAttr } of definition.inputArg) {
    const given = attributes.get(numberAttr)?.value;
    const isList = numberAttr !== '' || typeListAttr !== '';
    const count = isList ? (typeof given === 'number' ? given : inLists / lists) : 1;
    if (numberAttr !== '') add(numberAttr, ATTRIBUTE_KINDS.int, count);
    if (typeAttr !== '') add(typeAttr, ATTRIBUTE_KINDS.type, types[position]!);
    if (typeListAttr !== '') add(typeListAttr, ATTRIBUTE_KINDS.type, types.slice(position, position + count));
    position += count;
  }
  return [...attributes.values()];

  function add(name: string, type: number, value: number | readonly number[]): void {
    if (!attributes.has(name)) attributes.set(name, { name, type, value });
  }
}
