import type { Logs } from '../training/logs.js';

/** Four decimals, or an exponent where they would hide the number. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return String(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(2);
  return value.toFixed(4);
}

/** `25 ms/step`, `2.4 ms/step`, `0.31 ms/step`. */
export function formatMillisecondsPerStep(milliseconds: number): string {
  const digits = milliseconds >= 9.95 ? 0 : milliseconds >= 0.995 ? 1 : 2;
  return `${milliseconds.toFixed(digits)} ms/step`;
}

/** `8s`, `2m05s`, `1h07m`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part: number): string => String(part).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

/** `['loss 0.1023', 'accuracy 0.9712']`. */
export function formatLogs(logs: Logs): string[] {
  return Object.entries(logs).map(([name, value]) => `${name} ${formatNumber(value)}`);
}

/** The leading parts that fit into `width` when joined by two spaces, an ellipsis in place of the rest. */
export function partsThatFit(parts: readonly string[], width: number): string {
  let line = '';
  for (const [i, part] of parts.entries()) {
    const longer = i === 0 ? part : `${line}  ${part}`;
    const reserve = i === parts.length - 1 ? 0 : '  …'.length;
    if (longer.length + reserve > width) return i === 0 ? longer.slice(0, Math.max(0, width)) : `${line}  …`;
    line = longer;
  }
  return line;
}

/** Joins parts by two spaces and breaks between them, so that no line is wider than `width`; later lines are indented. */
export function wrapParts(parts: readonly string[], width: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`;
    if (line !== '' && longer.length > width) {
      lines.push(line);
      line = ' '.repeat(indent) + part;
    } else {
      line = longer;
    }
  }
  return [...lines, line].join('\n');
}
