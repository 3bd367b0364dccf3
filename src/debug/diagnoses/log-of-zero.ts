import type { Diagnosis } from './diagnosis.js';

/** NaN or infinity from the logarithm of zero, or from its gradient. */
export const logOfZero: Diagnosis = {
  cause: 'log-of-zero',
  needs: 'epoch',
  examine({ nonFinite: report }) {
    if (report === null || !/\blog of (0|a negative)|log1p|log\(1 \+ x\)/.test(report.reason)) return null;
    const { examples } = report;
    return {
      symptom: 'The loss, or a gradient, becomes NaN or infinite at once, while the weights are still of a usual size.',
      evidence:
        `${report.culprit}: ${report.reason}` +
        `${examples === 'all' ? '' : `; examples ${examples.slice(0, 8).join(', ')} of the batch`}`,
      where: report.where,
      fix: report.fix,
    };
  },
};
