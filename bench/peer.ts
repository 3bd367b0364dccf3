// A peer that runs in Node, in a process of its own: `node --import tsx bench/peer.ts NAME [CHECKPOINT]`.
import { serve, type Worker } from './peers/worker.js';

/** Imported by name: a worker's imports decide which gradient rules are in force. */
const PEERS: Readonly<Record<string, () => Promise<Worker>>> = {
  adjoint: async () => new (await import('./peers/adjoint-worker.js')).AdjointWorker(process.argv[3]),
  'tf.layers': async () => new (await import('./peers/tf-layers-worker.js')).TfLayersWorker(),
  'tf.layers + adjoint': async () => {
    await import('adjoint');
    const { TfLayersWorker } = await import('./peers/tf-layers-worker.js');
    return new TfLayersWorker(['fit', 'trainOnBatch'].map((name) => ({ name, extra: true })));
  },
};

await serve(await PEERS[process.argv[2]!]!());
