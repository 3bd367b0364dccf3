import { BaseLoss, Loss, tf, type Tensor } from '../src/index.js';

@Loss('app/absolute-error')
class AbsoluteError extends BaseLoss {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    return tf.mean(tf.abs(tf.sub(labels, predictions)), -1);
  }
}
const loss = tf.tidy(() => new AbsoluteError().compute(tf.tensor2d([[1], [3]]), tf.tensor2d([[2], [5]])));
console.log(loss.dataSync()[0]); // 1.5
loss.dispose();
 