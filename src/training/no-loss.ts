import { StateError } from '../core/errors.js';
import { BaseLoss } from '../losses/base-loss.js';

/** Stands where a model with a training step of its own was compiled without a loss: that step needs none. */
export class NoLoss extends BaseLoss {
  override checkLabels(): never {
    return this.refuse();
  }

  perExample(): never {
    return this.refuse();
  }

  private refuse(): never {
    throw new StateError('no-loss', {
      where: 'evaluate, gradients or validation',
      expected: 'a model compiled with a loss',
      received: 'a model with a trainStep of its own, compiled without one',
      fix: 'pass a loss to compile() as well; trainStep goes on to decide what is trained',
    });
  }
}
