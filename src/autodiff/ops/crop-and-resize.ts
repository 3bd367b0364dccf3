import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { composeInFloat64 } from '../composed-double.js';
import { composedVjp } from '../composed-vjp.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';
import { composedBoxGradient, composedCrop, composedImageGradient } from './composed-crop.js';

const FORWARD = 'CropAndResize';
const BY_IMAGE = 'CropAndResizeGradImage';
const BY_BOXES = 'CropAndResizeGradBoxes';

/** TensorFlow's own gradient kernels; of nearest-neighbour cropping, a staircase in the boxes, the boxes' is zero. */
export function installCropAndResize(): void {
  registerNativeKernel(BY_IMAGE, ({ cotangent, boxes, boxInd }, { imageShape, method }) => {
    const shape = tf.tensor1d(imageShape as number[], 'int32');
    const attributes = [attribute.type('T', cotangent!.dtype), attribute.string('method', method as string)];
    const gradient = executeOp(BY_IMAGE, attributes, [cotangent!, boxes!, boxInd!, shape])[0]!;
    shape.dispose();
    return gradient;
  });
  registerNativeKernel(BY_BOXES, ({ cotangent, image, boxes, boxInd }) => {
    const attributes = [attribute.type('T', image!.dtype), attribute.string('method', 'bilinear')];
    return executeOp(BY_BOXES, attributes, [cotangent!, image!, boxes!, boxInd!])[0]!;
  });
  composeInFloat64(FORWARD, composedCrop);
  composeInFloat64(BY_IMAGE, composedImageGradient);
  composeInFloat64(BY_BOXES, composedBoxGradient);

  registerKernelVjp(FORWARD, {
    keepInputs: ['image', 'boxes', 'boxInd'],
    backward: (cotangent, kept, attributes) => {
      const [image, boxes, boxInd] = [kept.input('image'), kept.input('boxes'), kept.input('boxInd')];
      return {
        image: () => runKernel(BY_IMAGE, { cotangent, boxes, boxInd }, { ...attributes, imageShape: image.shape }),
        boxes: () => boxGradient(attributes, { cotangent, image, boxes, boxInd }),
      };
    },
  });
  // Linear in the image, so that its gradient kernel is linear in the cotangent: their second orders are each other.
  registerKernelVjp(BY_IMAGE, {
    keepInputs: ['cotangent', 'boxes', 'boxInd'],
    backward: (image, kept, attributes) => {
      const crop = { cropSize: attributes['cropSize'], method: attributes['method'], extrapolationValue: 0 };
      const [boxes, boxInd] = [kept.input('boxes'), kept.input('boxInd')];
      return {
        cotangent: () => runKernel(FORWARD, { image, boxes, boxInd }, crop),
        boxes: () => boxGradient(attributes, { cotangent: kept.input('cotangent'), image, boxes, boxInd }),
      };
    },
  });
  registerKernelVjp(BY_BOXES, composedVjp(['cotangent', 'image', 'boxes', 'boxInd'], composedBoxGradient));
}

function boxGradient({ method }: KernelAttributes, inputs: Record<string, Tensor>): Tensor {
  return method === 'bilinear' ? runKernel(BY_BOXES, inputs) : tf.zerosLike(inputs['boxes']!);
}
