import { LookupError, SetupError } from './errors.js';
import { didYouMean, nearestNames } from './nearest-name.js';

/** Names to values of one kind; a name is given once. A value may have shorter aliases. */
export class Registry<T> {
  private readonly entries = new Map<string, T>();
  private readonly aliases = new Map<string, T>();

  /** @param kind - what it holds, as error messages say it: `loss`, `layer` */
  constructor(readonly kind: string) {}

  /** @throws SetupError [registered-twice] if another value has this name */
  register(name: string, value: T, aliases: readonly string[] = []): void {
    for (const key of [name, ...aliases]) {
      const present = this.entries.get(key) ?? this.aliases.get(key);
      if (present !== undefined && present !== value) {
        throw new SetupError('registered-twice', {
          where: `${this.kind} "${key}"`,
          expected: 'one value for each name',
          received: `a second, different ${this.kind} of that name`,
          fix: `register it under another name`,
        });
      }
    }
    this.entries.set(name, value);
    for (const alias of aliases) this.aliases.set(alias, value);
  }

  /** Gives a name without aliases free again, if it is this value's. */
  remove(name: string, value: T): void {
    if (this.entries.get(name) === value) this.entries.delete(name);
  }

  /** Every value, in the order of registration. */
  values(): T[] {
    return [...this.entries.values()];
  }

  has(name: string): boolean {
    return this.entries.has(name) || this.aliases.has(name);
  }

  /**
   * @param others - names that are no entries and may have been meant all the same
   * @throws LookupError [unknown-name] with the nearest known names
   */
  get(name: string, where = `${this.kind} "${name}"`, others: readonly string[] = []): T {
    const value = this.find(name);
    if (value !== undefined) return value;
    throw new LookupError('unknown-name', {
      where,
      expected: `the name of a registered ${this.kind}`,
      received: JSON.stringify(name),
      fix: this.suggest(name, others),
    });
  }

  /** One name for each value that is near, or for each value there is where none is. */
  private suggest(name: string, others: readonly string[]): string {
    const near = nearestNames(name, [...this.names(), ...others]);
    const values = near.map((candidate) => (others.includes(candidate) ? candidate : this.find(candidate)));
    const distinct = near.filter((_, i) => values.indexOf(values[i]) === i);
    return didYouMean(name, distinct.length > 0 ? distinct : [...this.shortNames(), ...others]);
  }

  private find(name: string): T | undefined {
    return this.entries.get(name) ?? this.aliases.get(name);
  }

  /** The first alias of each value, or its name where it has none. */
  private shortNames(): string[] {
    const short = new Map([...this.entries].map(([name, value]) => [value, name]));
    for (const [alias, value] of [...this.aliases].reverse()) short.set(value, alias);
    return [...short.values()];
  }

  /** Every name and alias. */
  names(): string[] {
    return [...this.entries.keys(), ...this.aliases.keys()];
  }
}
