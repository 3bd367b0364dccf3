/** A value as an error message shows it: short, on one line, with its type where the text alone would mislead. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value !== 'object') return String(value);
  if (ArrayBuffer.isView(value)) {
    return `a ${value.constructor.name} of ${(value as Uint8Array).length ?? value.byteLength} elements`;
  }
  if (Array.isArray(value)) {
    const text = `[${value.slice(0, 8).map(formatValue).join(', ')}${value.length > 8 ? ', ...' : ''}]`;
    return text.length > 100 ? `an array of ${value.length} elements` : text;
  }
  const name = (value.constructor as { name?: string } | undefined)?.name;
  return name === undefined || name === 'Object'
    ? `an object with keys ${Object.keys(value).join(', ') || '(none)'}`
    : `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
