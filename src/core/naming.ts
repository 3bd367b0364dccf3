/** `MaxPooling2D` to `max_pooling2d`, as Keras names layers. */
export function toSnakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** Gives each wish a name of its own: `dense`, `dense_1`, `dense_2`. */
export class UniqueNames {
  private readonly taken = new Set<string>();

  /** Reserves a name as it stands; false where it is taken. */
  reserve(name: string): boolean {
    if (this.taken.has(name)) return false;
    this.taken.add(name);
    return true;
  }

  /** Reserves the first free name among `wish`, `wish_1`, `wish_2`, ... */
  next(wish: string): string {
    let name = wish;
    for (let i = 1; !this.reserve(name); i++) name = `${wish}_${i}`;
    return name;
  }
}
