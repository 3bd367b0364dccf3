import { IntegerStream, rngKey } from '../core/rng-key.js';
import type { DatasetSource } from './dataset-source.js';

/** Shuffles a source through a buffer: each element goes out at random among `bufferSize` waiting ones. */
export function shuffleStream<Element>(
  source: DatasetSource<Element>,
  seed: number,
  bufferSize: number,
): DatasetSource<Element> {
  async function* iterate(epoch: number): AsyncGenerator<Element> {
    const random = new IntegerStream(rngKey(seed, 'shuffle', epoch));
    const buffer: Element[] = [];
    for await (const element of source.iterate(epoch)) {
      if (buffer.length < bufferSize) {
        buffer.push(element);
        continue;
      }
      const place = random.below(bufferSize);
      const drawn = buffer[place]!;
      buffer[place] = element;
      yield drawn;
    }
    while (buffer.length > 0) {
      const place = random.below(buffer.length);
      const drawn = buffer[place]!;
      buffer[place] = buffer.at(-1)!;
      buffer.pop();
      yield drawn;
    }
  }

  return { name: `${source.name}.shuffle()`, size: source.size, iterate };
}
