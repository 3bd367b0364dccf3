import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { BenchPrecision, Request, StepMemory, Variant } from '../peers/worker.js';

/** What a peer may answer, by request. */
interface Replies {
  facts: { facts: Record<string, string | number> };
  load: { variants: Variant[] };
  prepare: object;
  check: { loss: number };
  run: { seconds: number };
  memory: StepMemory;
}

const KEPT_ERROR_OUTPUT = 4000;

/** A framework in a process of its own, which answers one request after the other. */
export class PeerProcess {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private errorOutput = '';

  /**
   * @param name - the key under which the peer's times are reported
   * @param precision - what it is asked to compute products and convolutions in
   */
  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    readonly precision: BenchPrecision = 'float32',
  ) {
    this.child = spawn(command, args, { stdio: 'pipe' });
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.errorOutput = (this.errorOutput + chunk.toString()).slice(-KEPT_ERROR_OUTPUT);
    });
    // Both come before the output ends, which is what a request waits for.
    this.child.on('error', ({ message }) => (this.errorOutput += message));
    this.child.stdin.on('error', ({ message }) => (this.errorOutput += message));
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error with what the peer says where it fails or ends */
  async request<R extends Request>(request: R): Promise<Replies[R['do']]> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`${this.name} ended during "${request.do}":\n${this.errorOutput}`);
    const reply = JSON.parse(value) as Replies[R['do']] & { error?: string };
    if (reply.error !== undefined) throw new Error(`${this.name}, "${request.do}": ${reply.error}`);
    return reply;
  }

  /** Ends the peer. */
  close(): void {
    this.child.stdin.end();
    this.child.kill();
  }
}
