/** Axes of a batch of images. */
export const IMAGE_AXES = ['batch', 'height', 'width', 'channels'] as const;

/** What to do where an axis of a batch of images is missing. */
export const IMAGE_FIX = 'add a channel axis, e.g. reshape({ targetShape: [28, 28, 1] }) as the first layer';
