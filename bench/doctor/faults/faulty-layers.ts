import {
  BaseLayer,
  CustomVjp,
  Layer,
  permutation,
  rngKey,
  tf,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

const deviationOf = (x: Tensor): Tensor => tf.sqrt(tf.add(1e-3, tf.moments(x, -1, true).variance));
const standardised = (x: Tensor): Tensor => tf.div(tf.sub(x, tf.mean(x, -1, true)), deviationOf(x));

/** Layer normalisation with a gradient worked out by hand, whose first difference stands the wrong way round. */
@Layer('suite/own-norm')
export class OwnNorm extends BaseLayer {
  @Weight((_, input) => ({ shape: [input.at(-1)], initializer: 'ones' })) gain!: WeightHandle;
  @Weight((_, input) => ({ shape: [input.at(-1)], initializer: 'zeros' })) shift!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.add(tf.mul(this.normalised(x), this.gain.value), this.shift.value);
  }

  @CustomVjp('suite/own-norm', {
    inputs: ['x'],
    keep: ['x'],
    backward: (cotangent, { x }) => ({
      x: () => {
        const normalised = standardised(x);
        const centred = tf.sub(tf.mean(cotangent, -1, true), cotangent);
        const along = tf.mul(normalised, tf.mean(tf.mul(cotangent, normalised), -1, true));
        return tf.div(tf.sub(centred, along), deviationOf(x));
      },
    }),
  })
  normalised(x: Tensor): Tensor {
    return standardised(x);
  }
}

/** The largest values of each channel, found with JavaScript's sort. */
@Layer('suite/host-largest')
export class HostLargest extends BaseLayer {
  constructor(private readonly count: number) {
    super();
  }

  call(x: Tensor): Tensor {
    const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
    const images = tf.reshape(x, [batch, -1, channels]).arraySync() as number[][][];
    const rows = images.map((places) =>
      Array.from({ length: channels }, (_, channel) =>
        places
          .map((place) => place[channel]!)
          .sort((a, b) => b - a)
          .slice(0, this.count),
      ).flat(),
    );
    return tf.tensor2d(rows, [batch, channels * this.count]);
  }
}

/** Drops whole channels, drawn when it is first called and kept from then on. */
@Layer('suite/first-channels')
export class FirstChannels extends BaseLayer {
  private mask: number[] | undefined;

  constructor(
    private readonly rate: number,
    private readonly maskSeed: number,
  ) {
    super();
  }

  call(x: Tensor, context: CallContext): Tensor {
    if (!context.training) return tf.clone(x);
    const channels = x.shape.at(-1)!;
    const order = permutation(rngKey(this.maskSeed, 'channels'), channels);
    const dropped = Math.round(this.rate * channels);
    this.mask ??= Array.from(order, (place) => (place < dropped ? 0 : channels / (channels - dropped)));
    return tf.mul(x, tf.tensor(this.mask, [1, 1, 1, channels]));
  }
}
