import { applyRule, withRuleObserver, type CustomRule } from '../../autodiff/custom-rule.js';
import { ModelGradcheckOptions } from '../../autodiff/gradcheck-options.js';
import { runGradcheck } from '../../autodiff/run-gradcheck.js';
import { parseOptions } from '../../core/parse-options.js';
import { currentPath } from '../../core/path-scope.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { attempt, pick, type Evidence } from '../evidence.js';
import { lookInside } from '../look-inside.js';
import { withStateKept } from '../kept-state.js';
import { formatNumber } from '../statistics.js';
import type { Diagnosis, Finding } from './diagnosis.js';

/** A rule that is right is off by 1e-7; one with constants rounded to float32 by 1e-6. */
const TOLERANCE = 1e-3;
/** Each difference is a run of the rule. */
const EXAMPLES = 4;
const MOST_ELEMENTS = 2 ** 20;
/** A function of steps has differences of zero; a rule for it makes a gradient up, on purpose. Relu is flat for a half. */
const FLAT = { part: 0.8, move: 1e-2 };

interface UsedRule {
  readonly rule: CustomRule;
  readonly path: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/** A gradient rule of the user's that does not agree with differences of its function. */
export const wrongSignGradient: Diagnosis = {
  cause: 'wrong-sign-gradient',
  needs: 'first-batch',
  examine(evidence) {
    const used = rulesOf(evidence);
    try {
      for (const one of used) {
        const finding = attempt(() => check(one));
        if (finding !== null) return finding;
      }
      return null;
    } finally {
      for (const { inputs } of used) tf.dispose(inputs as Record<string, Tensor>);
    }
  },
};

/** The user's rules that a forward pass uses, each once, with copies of what they were given. */
function rulesOf(evidence: Evidence): UsedRule[] {
  const { model, plan, batches, ownStep } = evidence;
  const [batch] = batches;
  if (batch === undefined) return [];
  const found = new Map<string, UsedRule>();
  const see = (rule: CustomRule, given: Readonly<Record<string, Tensor>>): void => {
    const isUsers = rule.label.startsWith('rule "') && !rule.label.startsWith('rule "adjoint/');
    const elements = Object.values(given).reduce((sum, { size }) => sum + size, 0);
    if (!isUsers || found.has(rule.label) || elements > MOST_ELEMENTS) return;
    const inputs = Object.fromEntries(Object.entries(given).map(([name, x]) => [name, tf.keep(x.clone())]));
    found.set(rule.label, { rule, path: currentPath(), inputs });
  };
  const few = pick(
    batch,
    Array.from({ length: Math.min(EXAMPLES, batch.size) }, (_, i) => i),
  );
  const inFloat32 = { ...plan, precision: 'float32' as const };
  const pass = (): void => {
    if (ownStep) evidence.rehearse(inFloat32);
    else lookInside(model, inFloat32, few, { gradients: false });
  };
  attempt(() => withStateKept(() => withRuleObserver(see, pass)));
  return [...found.values()];
}

function check({ rule, path, inputs }: UsedRule): Finding | null {
  if (changesGradientOnPurpose(rule, inputs) || isOfSteps(rule, inputs)) return null;
  const names = Object.keys(inputs).filter((name) => !rule.constants.has(name));
  const fn = (at: readonly Tensor[]): Tensor[] => {
    const given = names.map((name, i) => [name, at[i]!] as const);
    return [applyRule(rule, { ...inputs, ...Object.fromEntries(given) })];
  };
  const settings = parseOptions(
    ModelGradcheckOptions,
    { tolerance: TOLERANCE, maximumElements: 32, sampledElements: 6, directions: 2, compareFloat32: false },
    'the check of a rule',
  );
  const subject = { fn, inputs: names.map((name) => ({ name, tensor: inputs[name]! })), where: rule.label };
  const report = runGradcheck(subject, settings);
  const first = report.inputs.find(({ problem }) => problem === 'mismatch');
  if (first === undefined) return null;
  const { analytic, numeric } = first.worst;
  const isTurned = Math.abs(analytic + numeric) < 0.05 * Math.abs(numeric);
  return {
    symptom: isTurned
      ? 'The loss stalls or rises: what lies before a custom gradient rule is trained in the wrong direction.'
      : 'The loss stalls or falls slowly: a custom gradient rule gives another gradient than its function has.',
    evidence:
      `${rule.label} by input "${first.input}": the rule gives ${formatNumber(analytic)}, differences of its values ` +
      `${formatNumber(numeric)}, relative error ${formatNumber(first.error)} on examples of the first batch`,
    where: `${rule.label}${path === '' ? '' : ` in layer "${path}"`}`,
    fix: isTurned
      ? 'turn the sign of what backward returns, and keep a gradcheck of the rule in a test'
      : 'mend backward, and keep a gradcheck of the rule in a test; checkCustomRules: false where it is meant so',
  };
}

/** The identity has no use for a rule but to change the gradient: clip, scale or reverse it. */
function changesGradientOnPurpose(rule: CustomRule, inputs: Readonly<Record<string, Tensor>>): boolean {
  return tf.tidy(() => {
    const value = applyRule(rule, inputs);
    return Object.values(inputs).some((input) => {
      if (!tf.util.arraysEqual(input.shape, value.shape) || input.dtype !== value.dtype) return false;
      return tf.all(tf.equal(input, value)).dataSync()[0] === 1;
    });
  });
}

/** Whether the value stays as it is, in most places, where all inputs are moved a little. */
function isOfSteps(rule: CustomRule, inputs: Readonly<Record<string, Tensor>>): boolean {
  return tf.tidy(() => {
    const moved = Object.entries(inputs).map(([name, x]) =>
      rule.constants.has(name) ? ([name, x] as const) : ([name, tf.add(tf.mul(x, 1 + FLAT.move), FLAT.move)] as const),
    );
    const [value, other] = [applyRule(rule, inputs), applyRule(rule, Object.fromEntries(moved))];
    return tf.mean(tf.cast(tf.equal(value, other), 'float32')).dataSync()[0]! >= FLAT.part;
  });
}
