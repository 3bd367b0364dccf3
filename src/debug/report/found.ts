import type { CallbackContract } from '../../training/callback-contract.js';
import { NonFiniteReport } from '../../training/non-finite-report.js';

/** Something that a callback has found, in the words of the report. */
export interface Found {
  /** Class of the callback. */
  readonly from: string;
  readonly title: string;
  /** What else is to be said, by name. */
  readonly words: Readonly<Record<string, string>>;
}

/** The fields that findings of this room's callbacks have; each kind has some of them. */
interface AnyFinding {
  readonly cause?: string;
  readonly kind?: string;
  readonly symptom?: string;
  readonly message?: string;
  readonly evidence?: unknown;
  readonly where?: string;
  readonly fix?: string;
  readonly firstStep?: number;
  readonly lastStep?: number;
}

/** What the callbacks of a run have found so far: the doctor's diagnoses, what monitors say, where a step was not finite. */
export function findingsOf(callbacks: readonly CallbackContract[]): Found[] {
  return callbacks.flatMap((callback) => {
    const { findings, reports } = callback as { readonly findings?: unknown; readonly reports?: unknown };
    const found = Array.isArray(findings) ? findings.map((one) => toFound(callback.name, one as AnyFinding)) : [];
    const faults = Array.isArray(reports) ? reports.filter((report) => report instanceof NonFiniteReport) : [];
    return [...found, ...faults.map((report) => faultFound(callback.name, report))];
  });
}

function faultFound(from: string, { where, culprit, reason, fix, examples }: NonFiniteReport): Found {
  const list = examples === 'all' ? 'the whole batch' : examples.join(', ');
  return { from, title: `not finite: ${culprit}`, words: { where, reason, examples: list, fix } };
}

function toFound(from: string, finding: AnyFinding): Found {
  const { cause, kind, symptom, message, evidence, where, fix, firstStep, lastStep } = finding;
  const steps = firstStep === lastStep ? `${firstStep}` : `${firstStep} to ${lastStep}`;
  const words = {
    symptom,
    message,
    evidence: typeof evidence === 'string' ? evidence : undefined,
    where,
    steps: firstStep === undefined ? undefined : steps,
    fix,
  };
  return {
    from,
    title: (cause ?? kind ?? 'finding').replaceAll('-', ' '),
    words: Object.fromEntries(
      Object.entries(words).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
    ),
  };
}
