import {
  BaseModel,
  Child,
  LayerOptions,
  layers,
  Model,
  sequential,
  type CallContext,
  type Sequential,
  type Tensor,
} from 'adjoint';
import { IsInt, Min } from 'class-validator';

/** Layers that turn a digit into features; the same for every task. */
function body(): Sequential {
  return sequential(
    [
      layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.batchNormalization(),
      layers.flatten(),
      layers.dense({ units: 32, activation: 'relu' }),
    ],
    { name: 'body' },
  );
}

class ClassifierOptions extends LayerOptions {
  /** Number of classes. Default 10. */
  @IsInt()
  @Min(2)
  classes = 10;
}

/** The body and a head for so many classes. */
@Model('examples/classifier', ClassifierOptions)
export class Classifier extends BaseModel<ClassifierOptions> {
  @Child() body = body();
  @Child() head = layers.dense({ units: this.options.classes });

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.body.call(x, context), context);
  }
}
