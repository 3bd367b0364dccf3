import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

interface Rule {
  name: string;
  from: { path?: string; pathNot?: string };
  to: { path?: string; pathNot?: string };
}

const root = process.cwd();
const { forbidden } = createRequire(resolve(root, 'package.json'))('./.dependency-cruiser.cjs') as {
  forbidden: Rule[];
};
const arrows = forbidden.filter((rule) => rule.name.startsWith('arrow-'));

const rows = readFileSync(resolve(root, 'docs/architecture.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `src/'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, place, imports]) => ({
    place: place!.replaceAll('`', '').replace('src/', ''),
    imports: [...imports!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
  }));
const places = rows.map((row) => row.place);

function fileOf(place: string): string {
  return place.endsWith('.ts') ? `src/${place}` : `src/${place}/some-file.ts`;
}

function isForbidden(from: string, to: string): boolean {
  return arrows.some((rule) => {
    const applies = new RegExp(rule.from.path!).test(from) && new RegExp(rule.to.path!).test(to);
    return applies && !new RegExp(rule.to.pathNot!).test(to);
  });
}

describe('the table of docs/architecture.md', () => {
  it('has a row for every arrow rule, and a rule for every row', () => {
    expect(places.map((place) => `arrow-${place.replace('.ts', '')}`).sort()).toEqual(
      arrows.map((rule) => rule.name).sort(),
    );
  });

  it.each(rows)('lists what src/$place may import', ({ place, imports }) => {
    const candidates = [...places, 'callbacks/callback.ts'].filter((candidate) => candidate !== place);
    const allowed = candidates.filter((candidate) => !isForbidden(fileOf(place), fileOf(candidate)));
    // A file of a room that is allowed as a whole needs no row of its own.
    const listed = allowed.filter((one) => !(one.includes('/') && allowed.includes(one.split('/')[0]!)));
    expect(listed.filter((one) => one.split('/')[0] !== place).sort()).toEqual(imports.sort());
  });

  it('lets nobody import the command line', () => {
    expect(places.filter((place) => place !== 'cli' && !isForbidden(fileOf(place), 'src/cli/main.ts'))).toEqual([]);
  });
});
