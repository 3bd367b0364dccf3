// Size, names and text of the project's files. `--root DIR` checks another folder.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const MOST_CODE_LINES = 300;
const SKIPPED = new Set([
  'node_modules',
  'dist',
  '.git',
  '.cache',
  'coverage',
  'docs/api',
  'vendor/tfjs-node-gpu.cjs',
  'vendor/report-page.js',
]);
const KEBAB_FILE = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const UPPERCASE_BY_CUSTOM = new Set(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'NOTICE']);
const FORBIDDEN_TEXT = [
  { pattern: /(?<![\w.~-])\/(?:home|Users|root|work|tmp)\/\w/, reason: "a path of somebody's machine" },
  {
    pattern: /registry\.npmjs\.org|registry\.yarnpkg\.com|files\.pythonhosted\.org|pypi\.org/,
    reason: 'a registry host',
  },
];

function filesUnder(root, folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const name = relative(root, path).split(sep).join('/');
    if (SKIPPED.has(entry.name) || SKIPPED.has(name) || name.endsWith('.tgz')) return [];
    if (entry.isDirectory()) return filesUnder(root, path);
    return entry.isFile() ? [name] : [];
  });
}

function codeLines(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lines = new Set();
  const visit = (node) => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    if (children.length > 0) return children.forEach(visit);
    if (node.getWidth(source) === 0) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    for (let line = first; line <= last; line++) lines.add(line);
  };
  visit(source);
  return lines.size;
}

function nameProblems(file) {
  const problems = [];
  const badPart = file.split('/').find((part) => !KEBAB_FILE.test(part) && !UPPERCASE_BY_CUSTOM.has(part));
  if (badPart) problems.push(`${file}: "${badPart}" is not kebab-case`);
  if (/^src\/.+\/index\.ts$/.test(file)) problems.push(`${file}: no barrel files inside a room`);
  return problems;
}

function textProblems(root, file) {
  const content = readFileSync(join(root, file));
  if (content.subarray(0, 8000).includes(0)) return [];
  const text = content.toString('utf8');
  if (basename(file) === 'package-lock.json') {
    return /"resolved": "https?:/.test(text) ? [`${file}: names the host that packages came from ("resolved")`] : [];
  }
  const problems = text.split('\n').flatMap((line, index) =>
    FORBIDDEN_TEXT.filter(({ pattern }) => pattern.test(line)).map(({ pattern, reason }) => {
      return `${file}:${index + 1}: ${reason}: ${pattern.exec(line)[0]}`;
    }),
  );
  if (/^src\/.*\.ts$/.test(file)) {
    const count = codeLines(file, text);
    if (count > MOST_CODE_LINES) problems.push(`${file}: ${count} code lines, at most ${MOST_CODE_LINES}`);
  }
  return problems;
}

const given = process.argv.indexOf('--root');
const root = given >= 0 ? resolve(process.argv[given + 1]) : resolve(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(root)) throw new Error(`${root}: no such folder`);
const files = filesUnder(root);
const problems = files.flatMap((file) => [...nameProblems(file), ...textProblems(root, file)]);
for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
