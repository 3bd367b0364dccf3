import { tf, type Tensor } from '../../engine/tfjs.js';
import { composeInFloat64 } from '../composed-double.js';
import { runKernel } from '../native-kernel.js';
import type { KernelAttributes } from '../tape.js';

/** A 3-D window is a 2-D window within each plane and a 1-D window across planes, for maxima and for averages alike. */
export function composePooling3d(): void {
  for (const kind of ['MaxPool', 'AvgPool']) {
    composeInFloat64(`${kind}3D`, ({ x }, attributes) => {
      const stages = stagesOf(x!, attributes);
      return stages.depth.unfold(stages.depth.pool(kind, stages.planes.unfold(stages.planes.pool(kind, x!))));
    });
  }
  composeInFloat64('MaxPool3DGrad', ({ dy, input }, attributes) => {
    const { planes, depth } = stagesOf(input!, attributes);
    const pooled = planes.pool('MaxPool', input!);
    const middle = planes.unfold(pooled);
    const byMiddle = depth.gradient('MaxPool', depth.foldResult(dy!), middle, depth.pool('MaxPool', middle));
    return planes.gradient('MaxPool', planes.foldResult(byMiddle), input!, pooled);
  });
  composeInFloat64('AvgPool3DGrad', ({ dy, input }, attributes) => {
    const { planes, depth } = stagesOf(input!, attributes);
    const middle = planes.unfold(planes.pool('AvgPool', input!));
    return planes.gradient(
      'AvgPool',
      planes.foldResult(depth.gradient('AvgPool', depth.foldResult(dy!), middle)),
      input!,
    );
  });
  composeInFloat64('MaxPool3DGradGrad', ({ cotangent, input }, attributes) => {
    const { planes, depth } = stagesOf(input!, attributes);
    const pooled = planes.pool('MaxPool', input!);
    const middle = planes.unfold(pooled);
    const within = planes.unfold(planes.take(cotangent!, input!, pooled));
    return depth.unfold(depth.take(within, middle, depth.pool('MaxPool', middle)));
  });
}

/** One of the two pooling steps, on a volume `[batch, depth, height, width, channels]` folded into images. */
interface Stage {
  pool(kind: string, volume: Tensor): Tensor;
  gradient(kind: string, dy: Tensor, volume: Tensor, pooled?: Tensor): Tensor;
  take(cotangent: Tensor, volume: Tensor, pooled: Tensor): Tensor;
  foldResult(volume: Tensor): Tensor;
  unfold(images: Tensor): Tensor;
}

function stagesOf(x: Tensor, { filterSize, strides, pad, dimRoundingMode }: KernelAttributes) {
  const [batch, , , , channels] = x.shape as [number, number, number, number, number];
  const info = tf.backend_util.computePool3DInfo(
    x.shape as [number, number, number, number, number],
    filterSize as number,
    strides as number,
    1,
    pad as 'same',
    dimRoundingMode as 'floor',
  );
  const stage = (
    window: [number, number],
    step: [number, number],
    fold: (volume: Tensor) => Tensor,
    unfold: (images: Tensor) => Tensor,
  ): Stage => {
    const attributes = { filterSize: window, strides: step, pad, dimRoundingMode };
    return {
      pool: (kind, volume) => runKernel(kind, { x: fold(volume) }, attributes),
      gradient: (kind, dy, volume, pooled) => {
        const inputs = { dy, input: fold(volume), ...(pooled === undefined ? {} : { output: pooled }) };
        return tf.reshape(runKernel(`${kind}Grad`, inputs, attributes), volume.shape);
      },
      take: (cotangent, volume, pooled) =>
        runKernel('MaxPoolGradGrad', { cotangent: fold(cotangent), input: fold(volume), output: pooled }, attributes),
      foldResult: fold,
      unfold,
    };
  };
  const planes = stage(
    [info.filterHeight, info.filterWidth],
    [info.strideHeight, info.strideWidth],
    (volume) => tf.reshape(volume, [-1, volume.shape[2]!, volume.shape[3]!, channels]),
    (images) => tf.reshape(images, [batch, info.inDepth, info.outHeight, info.outWidth, channels]),
  );
  const depth = stage(
    [info.filterDepth, 1],
    [info.strideDepth, 1],
    (volume) => tf.reshape(volume, [batch, volume.shape[1]!, volume.shape[2]! * volume.shape[3]!, channels]),
    (images) => tf.reshape(images, [batch, info.outDepth, info.outHeight, info.outWidth, channels]),
  );
  return { planes, depth };
}
