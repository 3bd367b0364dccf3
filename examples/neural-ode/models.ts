import { BaseModel, Model, Weight, type Tensor, type WeightHandle } from 'adjoint';
import type { Flow } from './flow.js';

const HIDDEN = 50;

/** Where points `[batch, 2]` are after some time, by a velocity that is learnt. */
@Model('example/neural-ode')
export class NeuralOde extends BaseModel {
  @Weight(() => ({ shape: [2, HIDDEN] })) kernel1!: WeightHandle;
  @Weight(() => ({ shape: [HIDDEN], initializer: 'zeros' })) bias1!: WeightHandle;
  @Weight(() => ({ shape: [HIDDEN, 2] })) kernel2!: WeightHandle;
  @Weight(() => ({ shape: [2], initializer: 'zeros' })) bias2!: WeightHandle;

  constructor(private readonly flow: Flow) {
    super();
  }

  call(points: Tensor): Tensor {
    return this.flow(points, this.kernel1.value, this.bias1.value, this.kernel2.value, this.bias2.value);
  }
}
