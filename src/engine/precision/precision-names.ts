/** In which precision a model computes; names as in Keras. */
export type Precision = 'float32' | 'mixed_bfloat16' | 'mixed_float16';

export const PRECISIONS: readonly Precision[] = ['float32', 'mixed_bfloat16', 'mixed_float16'];
