import type { Evidence, StepCount } from '../evidence.js';
import { formatNumber } from '../statistics.js';
import type { Diagnosis, Finding } from './diagnosis.js';

/** What is counted of a run. */
type Counted = Pick<Evidence, 'counts' | 'epochStarts'>;

/** The first steps make slots, recordings and caches. */
const SETTLING = 3;
const LEAST_STEPS = 8;
const LEAST_EPOCHS = 4;
/** Part of the steps that leave more behind than they found. */
const ALMOST_ALL = 0.8;
/** Growth of the ops of a step over the run: a short last batch runs as many as the others. */
const LEAST_GROWTH = 1.2;

/** Too little is cut off: each step computes through all steps before it. */
export const growingGraph = {
  cause: 'growing-graph',
  needs: 'epoch',
  examine: (evidence: Counted) => openTape(evidence.counts) ?? growingOps(evidence),
} satisfies Diagnosis;

/** Tensors that no step frees. */
export const leakingTensors = {
  cause: 'leaking-tensors',
  needs: 'epoch',
  examine(evidence: Counted): Finding | null {
    // What makes steps longer is told as that.
    if (grows(plainOps(evidence), ALMOST_ALL) || growingGraph.examine(evidence) !== null) return null;
    return leakAStep(evidence.counts) ?? leakAnEpoch(evidence);
  },
} satisfies Diagnosis;

function openTape(counts: readonly StepCount[]): Finding | null {
  const nodes = counts.map(({ tapeNodes }) => tapeNodes);
  const last = nodes.at(-1) ?? 0;
  if (nodes.length < 2 || last === 0 || !grows(nodes, 1)) return null;
  return {
    symptom: 'Each step is slower than the one before and memory grows: a gradient tape is open over all steps.',
    evidence: `the open tape has ${nodes[0]} nodes after the first step, ${last} after ${nodes.length}`,
    where: 'gradientTape()',
    fix: 'dispose the tape at the end of each step: `using tape = gradientTape()` inside the loop',
  };
}

/** Ops of the steps that were not measured: measuring takes more of them. */
function plainOps({ counts }: Counted): number[] {
  const settled = counts.slice(SETTLING);
  const plain = settled.filter(({ isProbed }) => !isProbed);
  return (plain.length < LEAST_STEPS ? settled : plain).map(({ ops }) => ops);
}

function growingOps(evidence: Counted): Finding | null {
  const { counts } = evidence;
  const ops = plainOps(evidence);
  if (ops.length < LEAST_STEPS || !grows(ops, ALMOST_ALL)) return null;
  const [first, last] = [ops[0]!, ops.at(-1)!];
  if (last < LEAST_GROWTH * first) return null;
  return {
    symptom: 'Each step is slower than the one before: what earlier steps have made is a part of the next one.',
    evidence: `a step runs ${first} operations at first and ${last} after ${counts.length} steps`,
    where: 'call or trainStep of the model',
    fix: 'carry numbers over, not the computation: keep stopGradient(state) of the last step alone, and drop what lies further back',
  };
}

function leakAStep(counts: readonly StepCount[]): Finding | null {
  const tensors = counts.slice(SETTLING).map(({ tensors: alive }) => alive);
  if (tensors.length < LEAST_STEPS || !grows(tensors, ALMOST_ALL)) return null;
  const [first, last] = [tensors[0]!, tensors.at(-1)!];
  const each = (last - first) / (tensors.length - 1);
  if (each < 0.5) return null;
  return {
    symptom: 'Memory grows with every step until it ends: tensors are made and never freed.',
    evidence: `${first} tensors after step ${SETTLING}, ${last} after step ${counts.length - 1}: ${formatNumber(each)} more a step`,
    where: 'code that runs at every step: call, trainStep, a callback, or what yields the batches',
    fix: 'wrap it in tf.tidy(), or dispose what it makes; tf.memory().numTensors before and after finds the line',
  };
}

function leakAnEpoch({ counts, epochStarts }: Counted): Finding | null {
  const alive = epochStarts.slice(1).map((start) => counts[start - 1]?.tensors ?? NaN);
  const tensors = [...alive.slice(1), counts.at(-1)?.tensors ?? NaN];
  if (tensors.length < LEAST_EPOCHS - 1 || !grows(tensors, 1)) return null;
  const each = (tensors.at(-1)! - tensors[0]!) / (tensors.length - 1);
  return {
    symptom: 'Memory grows with every epoch: tensors are made and never freed.',
    evidence: `${tensors[0]} tensors after an early epoch, ${tensors.at(-1)} after the last: ${formatNumber(each)} more an epoch`,
    where: 'code that runs once an epoch: a callback, an evaluation, or what begins a pass over the data',
    fix: 'wrap it in tf.tidy(), or dispose what it makes',
  };
}

/** Whether so large a part of the values are above the one before them, and none of them far below. */
function grows(values: readonly number[], part: number): boolean {
  const up = values.slice(1).filter((value, i) => value > values[i]!).length;
  return up >= part * (values.length - 1) && values.at(-1)! > values[0]!;
}
