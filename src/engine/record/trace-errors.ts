import { TraceError } from '../../core/errors.js';
import { currentPath, currentPhase, currentScope } from '../../core/path-scope.js';
import { userFrame } from './user-frame.js';

const EAGERLY = "or run it op by op: execution: 'eager'";

/** The custom rule and the layer that run now and the user's line that they are at. */
function here(): string {
  const { rule } = currentScope();
  return `${rule === undefined ? '' : `${rule} in `}${place(currentPath())}${userFrame()}`;
}

function place(path: string): string {
  const layer = path === '' ? 'a recorded function' : `layer "${path}"`;
  return currentPhase() === 'backward' ? `backward pass of ${layer}` : layer;
}

/** @param op - the op whose result was read */
export function hostRead(op: string | undefined): TraceError {
  return new TraceError('host-read', {
    where: here(),
    expected: 'a step that computes on the device only',
    received: `the value of a tensor read by JavaScript${op === undefined ? '' : ` (the result of ${op})`}`,
    fix: `choose with tf.where() instead of if; read results after the step; ${EAGERLY}`,
  });
}

/** @param source - what drew: `tf.dropout`, `Math.random` */
export function hostDraw(source: string): TraceError {
  return new TraceError('host-draw', {
    where: here(),
    expected: 'random numbers that are drawn anew by every step',
    received: `${source}(), which draws in JavaScript: the recording would repeat one draw for ever`,
    fix: `draw with context.uniform(shape) or context.normal(shape) in a layer, or pass the numbers in as a tensor; ${EAGERLY}`,
  });
}

export function dynamicShape(op: string): TraceError {
  return new TraceError('dynamic-shape', {
    where: here(),
    expected: 'results whose shapes follow from the shapes of the inputs',
    received: `op ${op}, whose result is as long as the values say`,
    fix: `mask with tf.where() and keep the length, or take the largest k with tf.topk(); ${EAGERLY}`,
  });
}

export function newVariable(): TraceError {
  return new TraceError('new-variable', {
    where: here(),
    expected: 'weights and variables that exist before the step',
    received: 'a variable made inside the step: every step would need another',
    fix: `declare it with @Weight, make child layers in fields or in onBuild, or call the model once before; ${EAGERLY}`,
  });
}

export function tfVariable(name: string): TraceError {
  return new TraceError('tf-variable', {
    where: here(),
    expected: 'state in weights, which a recording reads anew in every step',
    received: `the tf.Variable "${name}", whose later values a recording would not see`,
    fix: `declare it with @Weight, or keep it in a Variable of Adjoint; ${EAGERLY}`,
  });
}

export function noGraphForm(what: string): TraceError {
  return new TraceError('no-graph-form', {
    where: here(),
    expected: 'ops that have a form in a graph',
    received: what,
    fix: `run it before the step and pass its result in; ${EAGERLY}`,
  });
}

/** @param what - the difference between two runs */
export function unsteady(what: string): TraceError {
  return new TraceError('unsteady', {
    where: here(),
    expected: 'a function that does the same whenever it is run with the same tensors',
    received: what,
    fix: `keep counters and schedules in a weight or a Variable, or pass them in as tensors; ${EAGERLY}`,
  });
}

/** @param what - a number on the host that changes from step to step */
export function bakedNumber(what: string, fix: string): TraceError {
  return new TraceError('baked-number', {
    where: here(),
    expected: 'numbers that may change between steps to be tensors',
    received: `${what} read as a JavaScript number: the recording would keep today's value for ever`,
    fix: `${fix}; ${EAGERLY}`,
  });
}

export function unusableArgument(index: number, received: string): TraceError {
  return new TraceError('argument', {
    where: `argument ${index} of a recorded function`,
    expected: 'tensors with data of their own',
    received,
    fix: 'record with copies: argumentCopies(inputs)',
  });
}

export function nestedRecording(): TraceError {
  return new TraceError('nested-recording', {
    where: here(),
    expected: 'one recording at a time',
    received: 'a recording inside a recording',
    fix: 'call the inner function itself: it is recorded with the outer one',
  });
}
