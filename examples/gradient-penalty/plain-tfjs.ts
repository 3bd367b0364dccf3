// Run by main.ts in a process of its own, where Adjoint is not loaded: what tfjs makes of the same code by itself.
import * as tf from '@tensorflow/tfjs';
import { penaltyGradients } from './penalty.js';

// tfjs's advice to install something faster.
console.warn = () => undefined;
console.log(JSON.stringify({ version: tf.version_core, ...penaltyGradients(tf) }));
