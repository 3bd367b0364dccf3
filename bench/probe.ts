// One probe in a process of its own: `node --import tsx bench/probe.ts NAME [PART]`. Prints its numbers as one JSON line.
import { rounded } from './compare/statistics.js';
import type { Probe } from './probes/probes.js';

const [name, part] = process.argv.slice(2);
const { probe } = (await import(`./probes/${name}.js`)) as { probe: Probe };
const numbers = Object.entries(await probe(part ?? '')).map(([key, value]) => [key, rounded(value)]);
console.log(JSON.stringify(Object.fromEntries(numbers)));
