/** A layer of a benchmark network, in words that every framework's builder reads. Images are `[height, width, channels]`. */
export type NetworkLayer =
  | {
      readonly kind: 'conv';
      readonly filters: number;
      readonly size: number;
      readonly stride: number;
      readonly bias: boolean;
      readonly relu: boolean;
    }
  | { readonly kind: 'dense'; readonly units: number; readonly relu: boolean }
  | { readonly kind: 'norm' }
  | { readonly kind: 'relu' }
  | { readonly kind: 'maxPool'; readonly size: number }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'globalPool' }
  | {
      readonly kind: 'residual';
      readonly body: readonly NetworkLayer[];
      /** Whether the input goes through a 1x1 convolution without bias to reach the body's shape. */
      readonly project: boolean;
    };

/** A weight in the order that all frameworks are given: `kernel`, `bias`; `gamma`, `beta`, `mean`, `variance`; body, projection. */
export interface WeightSpec {
  readonly role: 'kernel' | 'bias' | 'gamma' | 'beta' | 'mean' | 'variance';
  readonly shape: readonly number[];
  readonly trainable: boolean;
  readonly fanIn: number;
}

/** What follows from a network's layers. */
export interface NetworkFacts {
  readonly weights: readonly WeightSpec[];
  readonly outputShape: readonly number[];
  /** Multiplications and additions of matrix products and convolutions for one example, forward. */
  readonly forwardFlops: number;
  /** The same for a training step: forward, gradients of the kernels, gradients of all inputs but the network's own. */
  readonly trainingFlops: number;
}

/** Walks through a network from an input shape without the batch. */
export function describeNetwork(network: readonly NetworkLayer[], inputShape: readonly number[]): NetworkFacts {
  const weights: WeightSpec[] = [];
  const products: number[] = [];
  const outputShape = network.reduce((shape, layer) => walk(layer, shape, weights, products), inputShape);
  const forwardFlops = products.reduce((sum, flops) => sum + flops, 0);
  return { weights, outputShape, forwardFlops, trainingFlops: 3 * forwardFlops - (products[0] ?? 0) };
}

function walk(
  layer: NetworkLayer,
  shape: readonly number[],
  weights: WeightSpec[],
  products: number[],
): readonly number[] {
  const add = (role: WeightSpec['role'], weightShape: number[], fanIn = 0): void => {
    weights.push({ role, shape: weightShape, trainable: role !== 'mean' && role !== 'variance', fanIn });
  };
  switch (layer.kind) {
    case 'conv': {
      const [height, width, channels] = imageShape(shape);
      const fanIn = layer.size ** 2 * channels;
      const output = [Math.ceil(height / layer.stride), Math.ceil(width / layer.stride), layer.filters];
      add('kernel', [layer.size, layer.size, channels, layer.filters], fanIn);
      if (layer.bias) add('bias', [layer.filters]);
      products.push(2 * fanIn * product(output));
      return output;
    }
    case 'dense': {
      const fanIn = shape[0]!;
      add('kernel', [fanIn, layer.units], fanIn);
      add('bias', [layer.units]);
      products.push(2 * fanIn * layer.units);
      return [layer.units];
    }
    case 'norm':
      for (const role of ['gamma', 'beta', 'mean', 'variance'] as const) add(role, [shape.at(-1)!]);
      return shape;
    case 'relu':
      return shape;
    case 'maxPool': {
      const [height, width, channels] = imageShape(shape);
      return [Math.floor(height / layer.size), Math.floor(width / layer.size), channels];
    }
    case 'flatten':
      return [product(shape)];
    case 'globalPool':
      return [shape.at(-1)!];
    case 'residual': {
      const output = layer.body.reduce((inner, part) => walk(part, inner, weights, products), shape);
      if (layer.project) {
        add('kernel', [1, 1, shape.at(-1)!, output.at(-1)!], shape.at(-1)!);
        products.push(2 * shape.at(-1)! * product(output));
      }
      return output;
    }
  }
}

function imageShape(shape: readonly number[]): [height: number, width: number, channels: number] {
  if (shape.length !== 3) throw new Error(`expected an image, received [${shape.join(', ')}]`);
  return shape as unknown as [number, number, number];
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
