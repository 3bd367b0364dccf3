import { createAdjoint } from '../../src/container.js';

/** What was logged. */
export interface Heard {
  readonly infos: string[];
  readonly warnings: string[];
}

/** Makes something whose notes and warnings are kept instead of printed. */
export function heard<T>(make: () => T): { readonly made: T } & Heard {
  const infos: string[] = [];
  const warnings: string[] = [];
  const logger = {
    info: (message: string) => void infos.push(message),
    warn: (message: string) => void warnings.push(message),
  };
  return { made: createAdjoint({ logger }).create(make), infos, warnings };
}
