import { createInterface } from 'node:readline';
import { writeFileSync } from 'node:fs';
import { bytesOf, type Task } from '../compare/task.js';

/** One way of training in a framework. */
export interface Variant {
  readonly name: string;
  /** Not counted when the framework's fastest variant is chosen: printed to explain, not to compare. */
  readonly extra?: boolean;
}

/** What products and convolutions are computed in: `bfloat16` is each framework's mixed precision. */
export type BenchPrecision = 'float32' | 'bfloat16';

/** Versions and settings that a peer reports of itself. */
export type PeerFacts = Readonly<Record<string, string | number>>;

/** A framework behind the bench's protocol; one process each. */
export interface Worker {
  facts(): PeerFacts;
  /** Takes a workload; what the last one held is given up. */
  load(task: Task, precision: BenchPrecision): Variant[];
  /** Builds one variant's model with the task's initial weights. */
  prepare(variant: string): Promise<void>;
  /** Loss of the first `checked` examples in training mode, and its gradients by every trainable weight, one after the other. */
  check(variant: string): Promise<{ loss: number; gradients: Float32Array }>;
  /** Trains for whole epochs. */
  run(variant: string, epochs: number): Promise<void>;
  /** What a step holds, after the model was trained. */
  memory?(variant: string): Promise<StepMemory>;
}

/** What a training step takes, in bytes. */
export interface StepMemory {
  /** The most that its ops hold at once beside weights, state and batch, by allocation records; `null` where there are none. */
  readonly peak: number | null;
  /** How far the process has grown in a later step since the model was built: the optimizer's state is in it. */
  readonly resident: number;
  /** How far it grew at most up to the end of the first step: the recording, or what a framework does instead. */
  readonly residentAtFirst: number;
}

/** What the bench asks of a peer; each request is answered in order. */
export type Request =
  | { readonly do: 'facts' }
  | { readonly do: 'load'; readonly task: Task; readonly precision: BenchPrecision }
  | { readonly do: 'prepare'; readonly variant: string }
  | { readonly do: 'check'; readonly variant: string; readonly gradientsFile: string }
  | { readonly do: 'memory'; readonly variant: string }
  | { readonly do: 'run'; readonly variant: string; readonly epochs: number };

/** Answers requests, one JSON line each, until the input ends. */
export async function serve(worker: Worker): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: object;
    try {
      reply = await answer(worker, JSON.parse(line) as Request);
    } catch (error) {
      reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

async function answer(worker: Worker, request: Request): Promise<object> {
  switch (request.do) {
    case 'facts':
      return { facts: worker.facts() };
    case 'load':
      return { variants: worker.load(request.task, request.precision) };
    case 'prepare':
      await worker.prepare(request.variant);
      return {};
    case 'check': {
      const { loss, gradients } = await worker.check(request.variant);
      writeFileSync(request.gradientsFile, bytesOf(gradients));
      return { loss };
    }
    case 'memory':
      return { ...(await worker.memory!(request.variant)) };
    case 'run': {
      const start = performance.now();
      await worker.run(request.variant, request.epochs);
      return { seconds: (performance.now() - start) / 1000 };
    }
  }
}
