/** Which way the steps of a run are computed. */
export type ExecutionMode = 'eager' | 'recorded';
