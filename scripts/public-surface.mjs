// What src/index.ts makes public, read through the TypeScript compiler: shared by the surface check and the example runner.
import { join, sep } from 'node:path';
import ts from 'typescript';

const EXPORTED_KINDS = [
  [ts.SymbolFlags.Class, 'class'],
  [ts.SymbolFlags.Function, 'function'],
  [ts.SymbolFlags.Enum, 'enum'],
  [ts.SymbolFlags.Interface, 'interface'],
  [ts.SymbolFlags.TypeAlias, 'type'],
  [ts.SymbolFlags.ValueModule | ts.SymbolFlags.NamespaceModule, 'namespace'],
  [ts.SymbolFlags.Variable | ts.SymbolFlags.Property, 'const'],
];

/** Loads the program of a package folder. */
export function loadProgram(root) {
  const { config, error } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const sources = ts.sys.readDirectory(join(root, 'src'), ['.ts']);
  return ts.createProgram(sources, { ...options, noEmit: true });
}

export function isForeign(declaration) {
  return declaration.getSourceFile().fileName.includes('/node_modules/');
}

function resolved(checker, symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function kindOf(checker, symbol, declaration) {
  const found = EXPORTED_KINDS.find(([flags]) => symbol.flags & flags);
  if (!found) return 'unknown';
  if (found[1] !== 'const') return found[1];
  const isFunction = checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0;
  return isFunction ? 'function' : 'const';
}

// The members of `export const layers = { dense, ... }`: public names as much as those of `export * as layers`.
function recordMembers(checker, declaration) {
  if (!ts.isVariableDeclaration(declaration) || !declaration.initializer) return [];
  let value = declaration.initializer;
  while (ts.isAsExpression(value) || ts.isSatisfiesExpression(value)) value = value.expression;
  const freeze = ts.isCallExpression(value) && value.expression.getText() === 'Object.freeze';
  if (freeze && value.arguments[0]) value = value.arguments[0];
  if (!ts.isObjectLiteralExpression(value)) return [];
  return value.properties.flatMap((property) => {
    if (ts.isShorthandPropertyAssignment(property)) {
      return [[property.name.text, checker.getShorthandAssignmentValueSymbol(property)]];
    }
    if (ts.isPropertyAssignment(property) && ts.isIdentifier(property.initializer)) {
      return [[property.name.getText(), checker.getSymbolAtLocation(property.initializer)]];
    }
    return [];
  });
}

/** Public entries `{ name, kind, symbol, declarations, foreign }`, namespaces and records opened, sorted by name. */
export function publicEntries(program, root) {
  const checker = program.getTypeChecker();
  const index = program.getSourceFile(join(root, 'src', 'index.ts').split(sep).join('/'));
  if (!index) throw new Error('src/index.ts: not found');
  const moduleSymbol = checker.getSymbolAtLocation(index);
  const entries = [];
  const add = (name, exported) => {
    const symbol = resolved(checker, exported);
    const declarations = symbol.declarations ?? [];
    const first = declarations[0];
    if (!first) return entries.push({ name, kind: 'unresolved', symbol, declarations, foreign: false });
    const kind = kindOf(checker, symbol, first);
    const foreign = declarations.every(isForeign);
    const isModule = ts.isSourceFile(first);
    entries.push({ name, kind, symbol, declarations, foreign, isModule });
    if (foreign) return undefined;
    const members = isModule
      ? checker.getExportsOfModule(symbol).map((member) => [member.name, member])
      : recordMembers(checker, first);
    for (const [member, memberSymbol] of members) if (memberSymbol) add(`${name}.${member}`, memberSymbol);
    return undefined;
  };
  for (const symbol of moduleSymbol ? checker.getExportsOfModule(moduleSymbol) : []) add(symbol.name, symbol);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Doc comments on a declaration, those of a variable's statement included. */
export function docComments(declaration) {
  return ts.getJSDocCommentsAndTags(declaration).filter(ts.isJSDoc);
}

export function place(root, node) {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  return `${file.fileName.slice(root.split(sep).join('/').length + 1)}:${line + 1}`;
}

export function memberDeclarations(declaration) {
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) return [];
  return [...declaration.members];
}

export function isOptionsClass(node) {
  if (!ts.isClassDeclaration(node) || !node.name) return false;
  const heritage = node.heritageClauses?.flatMap((clause) => [...clause.types]) ?? [];
  return [node.name.text, ...heritage.map((type) => type.expression.getText())].some((name) =>
    name.endsWith('Options'),
  );
}
