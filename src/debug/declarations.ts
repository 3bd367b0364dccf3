import { declarationDecorator } from '../core/declaration.js';

/** Declares a callback of this room; the public decorator stands in a room that this one does not know. */
export const Callback = declarationDecorator('callback', 'Callback');
