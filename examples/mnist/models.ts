import { BaseModel, Child, layers, Model, sequential, type CallContext, type Tensor } from 'adjoint';

/** Two convolutions with pooling, as a chain. */
export function sequentialDigits(): BaseModel {
  return sequential(
    [
      layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 128, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'logSoftmax' }),
    ],
    { name: 'digits' },
  );
}

/** The same network, declared as a class. */
@Model('example/digits')
export class Digits extends BaseModel {
  @Child() features = [
    layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.conv2d({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
  ];
  @Child() hidden = layers.dense({ units: 128, activation: 'relu' });
  @Child() head = layers.dense({ units: 10, activation: 'logSoftmax' });

  call(images: Tensor, context: CallContext): Tensor {
    const features = this.features.reduce((x, layer) => layer.call(x, context), images);
    return this.head.call(this.hidden.call(features, context), context);
  }
}
