/** Where Adjoint's own messages go; bind another in `createAdjoint({ logger })`. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** The default logger: notes to stdout, warnings to stderr. */
export const consoleLogger: Logger = {
  info: (message) => console.log(message),
  warn: (message) => console.warn(message),
};
