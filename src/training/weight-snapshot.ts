/** Weights in host memory by path. */
export type WeightSnapshot = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
