/** Resource variables that exist now, by the id of their native resource handle. */
export const liveVariables = new Map<number, object>();
