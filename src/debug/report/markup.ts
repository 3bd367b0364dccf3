import { visible } from './format.js';

/** Text that is HTML already. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What may stand in a template: text is escaped, markup is not, a list is one after the other. */
export type Content = string | number | Markup | undefined | readonly Content[];

/** A template of HTML: whatever is filled in is escaped, in text and in quoted attributes alike. */
export function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  // What indents the source would be a third of a page.
  const parts = strings.map((part) => part.replace(/\n\s+/g, '\n'));
  return new Markup(parts.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

/** A JSON value as a script block, which no text in it can end. */
export function dataBlock(id: string, value: unknown): Markup {
  const json = toJson(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Markup(`<script type="application/json" id="${id}">${json}</script>`);
}

/** JSON in which numbers that it does not have are the strings `NaN`, `Infinity`, `-Infinity`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  );
}

function render(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return (value as readonly Content[]).map(render).join('');
  return visible(String(value as string | number)).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
