import type { DatasetSource } from './dataset-source.js';

type Fetched<Element> = { result: IteratorResult<Element> } | { error: unknown };

/** Keeps up to `count` elements of a source ready ahead of the consumer, in order. */
export function prefetchStream<Element>(source: DatasetSource<Element>, count: number): DatasetSource<Element> {
  async function* iterate(epoch: number): AsyncGenerator<Element> {
    const iterator = source.iterate(epoch)[Symbol.asyncIterator]();
    const ready: Fetched<Element>[] = [];
    let stopped = false;
    let ended = false;
    let wakeConsumer = (): void => {};
    let wakeProducer = (): void => {};

    async function produce(): Promise<void> {
      while (!stopped && !ended) {
        if (ready.length >= count) {
          await new Promise<void>((resolve) => (wakeProducer = resolve));
          continue;
        }
        try {
          const result = await iterator.next();
          ended = result.done === true;
          ready.push({ result });
        } catch (error) {
          ended = true;
          ready.push({ error });
        }
        wakeConsumer();
      }
    }

    void produce();
    try {
      for (;;) {
        if (ready.length === 0) await new Promise<void>((resolve) => (wakeConsumer = resolve));
        const fetched = ready.shift()!;
        wakeProducer();
        if ('error' in fetched) throw fetched.error;
        if (fetched.result.done === true) return;
        yield fetched.result.value;
      }
    } finally {
      stopped = true;
      wakeProducer();
      if (!ended) await iterator.return?.();
    }
  }

  return { name: source.name, size: source.size, mayReadAhead: true, iterate };
}
