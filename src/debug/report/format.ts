/** A number for people: `0.0123`, `1.2e-9`, `NaN`. */
export function formatNumber(value: number | undefined, digits = 3): string {
  if (value === undefined) return '–';
  if (!Number.isFinite(value) || value === 0) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(digits - 1);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

export function formatPercent(share: number): string {
  const percent = 100 * share;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

export function formatMicroseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} µs` : `${(value / 1000).toFixed(2)} ms`;
}

/** The end of a path, which tells more than its beginning; cut between characters. */
export function shorten(text: string, most: number): string {
  const characters = [...visible(text)];
  return characters.length <= most
    ? characters.join('')
    : `…${characters.slice(characters.length - most + 1).join('')}`;
}

/** The beginning of a text. */
export function cutOff(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** What would hide itself, or turn round the text behind it, by its number: controls, marks of direction, half characters. */
export function visible(text: string): string {
  return text.replace(
    /(?![\n\t])\p{Cc}|\p{Bidi_Control}|\p{Cs}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
