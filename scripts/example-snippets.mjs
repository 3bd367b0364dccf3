// Finds the code a reader may copy: `@example` blocks of public symbols, and ts blocks of README.md and docs.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import ts from 'typescript';
import { docComments, isForeign, loadProgram, memberDeclarations, publicEntries } from './public-surface.mjs';

const OPENING = /^(\s*)(`{3,}|~{3,})\s*(\S*)\s*(.*)$/;

function isTypeScript(language) {
  return language === 'ts' || language === 'typescript';
}

/** Fenced blocks of a text: `{ language, remark, code, line }`, the line counted from 0 within the text. */
export function fencedBlocks(text) {
  const blocks = [];
  let open;
  text.split('\n').forEach((lineText, line) => {
    if (open) {
      if (lineText.trim() === open.fence) {
        blocks.push({ ...open, code: open.lines.join('\n') });
        open = undefined;
      } else {
        open.lines.push(lineText.startsWith(open.indent) ? lineText.slice(open.indent.length) : lineText);
      }
      return;
    }
    const [, indent, fence, language, remark] = OPENING.exec(lineText) ?? [];
    if (fence) open = { indent, fence, language, remark, line, lines: [] };
  });
  if (open) blocks.push({ ...open, code: open.lines.join('\n'), unclosed: true });
  return blocks;
}

function snippet(block, file, firstLine) {
  const place = `${file}:${firstLine + block.line + 1}`;
  if (block.unclosed) return { place, problem: 'the code block is not closed' };
  const [word, ...reason] = block.remark.trim().split(/\s+/);
  if (word !== 'no-run') return { place, code: block.code };
  if (reason.length === 0) return { place, problem: 'no-run without a reason' };
  return { place, code: block.code, notRun: reason.join(' ') };
}

function fromMarkdown(root, file) {
  const blocks = fencedBlocks(readFileSync(join(root, file), 'utf8'));
  return blocks.filter((block) => isTypeScript(block.language)).map((block) => snippet(block, file, 1));
}

// TypeScript's own parser takes a decorator at the start of a line for a doc tag, inside code blocks too.
function exampleTexts(comment) {
  const source = comment.getSourceFile();
  const firstLine = source.getLineAndCharacterOfPosition(comment.getStart()).line + 1;
  const lines = source.text.slice(comment.getStart(), comment.getEnd()).replace(/\*\/$/, '').split('\n');
  const texts = [];
  let open;
  let fence;
  lines.forEach((raw, index) => {
    const line = raw.replace(/^\s*\/?\*{1,2} ?/, '');
    const mark = OPENING.exec(line)?.[2];
    const isTag = !fence && /^\s*@\w/.test(line);
    if (isTag) open = undefined;
    if (isTag && /^\s*@example\b/.test(line)) texts.push((open = { line: firstLine + index, lines: [] }));
    open?.lines.push(line);
    if (fence ? line.trim() === fence : mark) fence = fence ? undefined : mark;
  });
  return texts;
}

function fromComment(root, comment) {
  const file = comment.getSourceFile().fileName.slice(root.split(sep).join('/').length + 1);
  return exampleTexts(comment).flatMap(({ line, lines }) => {
    const blocks = fencedBlocks(lines.join('\n'));
    if (blocks.length === 0) return [{ place: `${file}:${line}`, problem: '@example without a code block' }];
    return blocks.filter((block) => isTypeScript(block.language)).map((block) => snippet(block, file, line));
  });
}

function fromSources(root) {
  const program = loadProgram(root);
  const comments = new Set();
  for (const { declarations, isModule } of publicEntries(program, root)) {
    if (isModule) continue;
    for (const declaration of declarations.filter((one) => !isForeign(one))) {
      for (const documented of [declaration, ...memberDeclarations(declaration)]) {
        docComments(documented).forEach((comment) => comments.add(comment));
      }
    }
  }
  return [...comments].flatMap((comment) => fromComment(root, comment));
}

/** Snippets of a package folder: `{ place, code, notRun? }`, or `{ place, problem }`. */
export function findSnippets(root) {
  const docs = join(root, 'docs');
  const pages = existsSync(docs)
    ? readdirSync(docs, { recursive: true })
        .map((name) => `docs/${name.split(sep).join('/')}`)
        .filter((name) => name.endsWith('.md') && !name.startsWith('docs/api/'))
    : [];
  const markdown = ['README.md', ...pages.sort()].filter((file) => existsSync(join(root, file)));
  return [...fromSources(root), ...markdown.flatMap((file) => fromMarkdown(root, file))];
}

/** Type errors of written-out snippets: `[{ file, line, text }]`. */
export function typeErrors(root, files) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const relaxed = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false, declaration: false };
  const forced = { moduleDetection: ts.ModuleDetectionKind.Force };
  const program = ts.createProgram(files, { ...options, ...relaxed, ...forced });
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map((diagnostic) => ({
      file,
      line: source.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line,
      text: ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'),
    }));
  });
}
