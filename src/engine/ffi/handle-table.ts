import { EngineError } from '../../core/errors.js';

const SLOTS = 2 ** 24;
const FIRST_CAPACITY = 4096;

/**
 * Native tensor handles and their data types by id. A slot table with generations, id = generation * 2^24 + slot: a Map
 * with steady insertion and deletion keeps re-allocating its store and leaves garbage in V8's old space, and a stale id
 * must never resolve to a newer tensor.
 */
export class HandleTable {
  #addresses = new Float64Array(FIRST_CAPACITY);
  #generations = new Float64Array(FIRST_CAPACITY);
  #types = new Int32Array(FIRST_CAPACITY);
  #free = new Int32Array(FIRST_CAPACITY);
  #freeCount = 0;
  #used = 0;
  #live = 0;
  #created = 0;

  get live(): number {
    return this.#live;
  }

  /** How many handles were ever put in; `created - live` were freed. */
  get created(): number {
    return this.#created;
  }

  insert(address: number, type: number): number {
    const slot = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#nextSlot();
    this.#addresses[slot] = address;
    this.#types[slot] = type;
    this.#live++;
    this.#created++;
    return this.#generations[slot]! * SLOTS + slot;
  }

  has(id: number): boolean {
    return this.#slot(id) >= 0;
  }

  address(id: number, where: string): number {
    return this.#addresses[this.#known(id, where)]!;
  }

  type(id: number, where: string): number {
    return this.#types[this.#known(id, where)]!;
  }

  /** Forgets the id and returns the native handle, which the caller frees. */
  remove(id: number, where: string): number {
    const slot = this.#known(id, where);
    const address = this.#addresses[slot]!;
    this.#addresses[slot] = 0;
    this.#generations[slot]!++;
    this.#free[this.#freeCount++] = slot;
    this.#live--;
    return address;
  }

  #slot(id: number): number {
    const slot = id % SLOTS;
    const known =
      slot >= 0 && slot < this.#used && this.#addresses[slot] !== 0 && this.#generations[slot]! * SLOTS + slot === id;
    return known ? slot : -1;
  }

  #known(id: number, where: string): number {
    const slot = this.#slot(id);
    if (slot < 0) {
      throw new EngineError('unknown-tensor', {
        where,
        expected: 'a tensor that has not been disposed',
        received: `tensor handle ${id}`,
      });
    }
    return slot;
  }

  #nextSlot(): number {
    if (this.#used === this.#addresses.length) {
      const capacity = 2 * this.#used;
      if (capacity > SLOTS) {
        throw new EngineError('too-many-tensors', {
          where: 'the engine',
          expected: `at most ${SLOTS} live tensors`,
          fix: 'dispose tensors that are no longer used, e.g. with tf.tidy',
        });
      }
      const copy = <T extends { set(source: T): void }>(target: T, source: T): T => (target.set(source), target);
      this.#addresses = copy(new Float64Array(capacity), this.#addresses);
      this.#generations = copy(new Float64Array(capacity), this.#generations);
      this.#types = copy(new Int32Array(capacity), this.#types);
      this.#free = copy(new Int32Array(capacity), this.#free);
    }
    return this.#used++;
  }
}
