// A peer that runs in Node, in a process of its own: `node --import tsx bench/peer.ts adjoint | tf.layers`.
import { AdjointWorker } from './peers/adjoint-worker.js';
import { TfLayersWorker } from './peers/tf-layers-worker.js';
import { serve } from './peers/worker.js';

await serve(process.argv[2] === 'adjoint' ? new AdjointWorker() : new TfLayersWorker());
