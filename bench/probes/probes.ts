/** What each probe measures; a file of that name holds it. */
export const PROBES: Readonly<Record<string, string>> = {
  passes:
    'the CNN, batch 128: forward, forward and backward, training step; time, and memory at its peak above the idle process',
  'batch-size': 'the CNN, time for one example in batches of 128 and of 4',
  'first-step': 'from a new process to the first and the second training step of the CNN',
  recording: 'what the first training step costs more than a later one: building, recording, optimising the graph',
  'event-loop': 'delay of the event loop while the CNN trains, timers of 1 ms',
  'debug-cost': 'what GradientMonitor and NonFiniteGuard cost while the CNN trains: ms a step, and % above a plain run',
  'long-run': '20,000 steps of the small MLP: time and memory at the end against the beginning',
  'achieved-flops': "the machine's own matrix product beside what the workloads achieve in training, GFLOP/s",
};

/** Numbers by probe and name. */
export type ProbeResults = Record<string, Readonly<Record<string, number>>>;

/** Measures in a process of its own; a probe that needs several processes gives each a part. */
export type Probe = (part: string) => Promise<Record<string, number>>;
