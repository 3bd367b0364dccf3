// Bundles report-page/, the script and style of the training report, into vendor/report-page.js and .css: a report is one
// file that opens without a network, so the chart library (Observable Plot and the parts of D3 that it uses) goes into it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'report-page');
const packages = ['@observablehq/plot', 'd3'];
const texts = (file) => readFileSync(file, 'utf8');
const packageFile = (name, file) => join(root, 'node_modules', name, file);

const sources = [fileURLToPath(import.meta.url), ...readdirSync(page).map((name) => join(page, name))]
  .concat(packages.map((name) => packageFile(name, 'package.json')))
  .map(texts);
const recipe = createHash('sha256').update(sources.join('\0')).digest('hex').slice(0, 12);
const stamp = `/* made by recipe ${recipe}`;
const isMade = (file) => existsSync(file) && texts(file).startsWith(stamp);

const outputs = ['js', 'css'].map((type) => join(root, 'vendor', `report-page.${type}`));
if (outputs.every(isMade)) process.exit(0);

const licences = packages.map((name) => {
  const { version } = JSON.parse(texts(packageFile(name, 'package.json')));
  return `${name} ${version}\n${texts(packageFile(name, 'LICENSE')).trim()}`;
});
for (const [entry, output] of [
  ['main.ts', outputs[0]],
  ['page.css', outputs[1]],
]) {
  const temporary = `${output}.${process.pid}.tmp`;
  const { outputFiles } = await build({
    entryPoints: [join(page, entry)],
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['es2022', 'chrome110', 'firefox115', 'safari16'],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
    outfile: output,
  });
  const words = entry === 'main.ts' ? `; contains\n\n${licences.join('\n\n')}\n` : ' ';
  // Text that would end the element in which the bundle stands.
  const code = outputFiles[0].text.replace(/<\/(script|style)/gi, '<\\/$1');
  writeFileSync(temporary, `${stamp}${words}*/\n${code}`);
  renameSync(temporary, output);
}
console.log('vendor/report-page.js: the page of training reports');
