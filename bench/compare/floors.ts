/** How many times as long as Adjoint a peer must at least need, by workload and peer. */
export const FLOORS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'mnist-cnn': { 'tf.layers': 3, keras: 1.4, torch: 1.15 },
  'mlp-small': { 'tf.layers': 15, keras: 2, torch: 2.5 },
  'mlp-deep': { 'tf.layers': 1, keras: 1, torch: 1 },
  resnet20: { 'tf.layers': 1, keras: 1, torch: 1 },
};

/** The same for training in bfloat16, against which the other columns of the precision suite are held. */
export const BFLOAT16_FLOORS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'mnist-cnn': { 'adjoint-float32': 1.7, 'keras-bfloat16': 1.3, 'torch-bfloat16': 1.3 },
  'mlp-deep': { 'adjoint-float32': 1, 'keras-bfloat16': 1, 'torch-bfloat16': 1 },
  resnet20: { 'adjoint-float32': 1, 'keras-bfloat16': 1, 'torch-bfloat16': 1 },
};

/** For Keras as `fit` runs by default, where the floor is another than for its fastest variant. */
export const KERAS_DEFAULT_FLOORS: Readonly<Record<string, number>> = { 'mlp-small': 4 };
