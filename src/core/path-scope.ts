/** Where in the model the running code is: a layer's call pushes its name; errors, keys and the recorder read the path. */
const stack: string[] = [];

/** Runs `fn` with `name` appended to the current path; an empty name appends nothing. */
export function withPath<T>(name: string, fn: () => T): T {
  stack.push(name);
  try {
    return fn();
  } finally {
    stack.pop();
  }
}

/** The path of the innermost running layer, `''` at the root. */
export function currentPath(): string {
  return stack.filter((name) => name !== '').join('/');
}

/** How many layer calls are running inside one another. */
export function pathDepth(): number {
  return stack.length;
}
