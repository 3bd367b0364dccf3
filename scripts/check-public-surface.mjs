// The public names against docs/public-surface.txt (`--write` renews it), and their documentation: a sentence on every
// name, an @example on classes and functions (an options class is shown by its owner), a comment on every options field.
// `--root DIR` checks another package folder.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { docComments, isForeign, isOptionsClass, loadProgram, place, publicEntries } from './public-surface.mjs';

const given = process.argv.indexOf('--root');
const root = given >= 0 ? resolve(process.argv[given + 1]) : resolve(dirname(fileURLToPath(import.meta.url)), '..');
const listFile = join(root, 'docs', 'public-surface.txt');

function sentenceOf(declaration) {
  return docComments(declaration)
    .map((comment) => ts.getTextOfJSDocComment(comment.comment) ?? '')
    .join('\n')
    .trim();
}

function hasExample(declaration) {
  return docComments(declaration).some((comment) => comment.tags?.some((tag) => tag.tagName.text === 'example'));
}

function entryProblems({ name, kind, declarations, foreign, isModule }) {
  if (kind === 'unresolved' || kind === 'unknown') return [`src/index.ts: ${name} leads to no declaration`];
  if (foreign || isModule) return [];
  const own = declarations.filter((declaration) => !isForeign(declaration));
  const at = `${place(root, own[0])}: ${kind} ${name}`;
  const problems = [];
  if (!own.some((declaration) => /\w[^]*[.!?:](\s|$|`)/.test(sentenceOf(declaration)))) {
    problems.push(`${at} has no sentence of documentation`);
  }
  const needsExample = (kind === 'class' && !own.some(isOptionsClass)) || kind === 'function';
  if (needsExample && !own.some(hasExample)) problems.push(`${at} has no @example`);
  return problems;
}

function fieldProblems(declaration, owner) {
  return declaration.members
    .filter((member) => ts.isPropertyDeclaration(member) || ts.isPropertySignature(member))
    .filter((member) => !ts.getModifiers(member)?.some((modifier) => modifier.kind === ts.SyntaxKind.PrivateKeyword))
    .filter((member) => sentenceOf(member) === '')
    .map((member) => `${place(root, member)}: field ${owner}.${member.name.getText()} has no doc comment`);
}

function optionsProblems(program, entries) {
  const problems = [];
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile || source.fileName.includes('/node_modules/')) continue;
    const visit = (node) => {
      if (isOptionsClass(node)) problems.push(...fieldProblems(node, node.name.text));
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  const interfaces = entries.filter((entry) => entry.kind === 'interface' && entry.name.endsWith('Options'));
  for (const { name, declarations } of interfaces) {
    for (const declaration of declarations.filter((one) => ts.isInterfaceDeclaration(one) && !isForeign(one))) {
      problems.push(...fieldProblems(declaration, name));
    }
  }
  return problems;
}

function listProblems(names) {
  const listed = existsSync(listFile) ? readFileSync(listFile, 'utf8').split('\n').filter(Boolean) : [];
  return [
    ...names.filter((name) => !listed.includes(name)).map((name) => `docs/public-surface.txt: does not list ${name}`),
    ...listed
      .filter((name) => !names.includes(name))
      .map((name) => `docs/public-surface.txt: lists ${name}, not exported`),
  ];
}

const program = loadProgram(root);
const entries = publicEntries(program, root);
const names = [...new Set(entries.map((entry) => `${entry.name} ${entry.kind}`))];
if (process.argv.includes('--write')) {
  mkdirSync(dirname(listFile), { recursive: true });
  writeFileSync(listFile, `${names.join('\n')}\n`);
}
// `dense` and `layers.dense` are one declaration: its faults are told once.
const seen = new Set();
const distinct = entries.filter(({ declarations }) => {
  const isNew = !seen.has(declarations[0]);
  seen.add(declarations[0]);
  return isNew;
});
const problems = [...listProblems(names), ...distinct.flatMap(entryProblems), ...optionsProblems(program, entries)];
for (const problem of problems) console.error(problem);
if (problems.some((problem) => problem.startsWith('docs/public-surface.txt'))) {
  console.error('Is the change meant? Then: npm run surface -- --write');
}
console.log(`${names.length} public names, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
