import path from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from '../../deploy/tools.ts';

/**
 * Checks that types hold and that no promise is lost: neither left floating in a statement, nor given as the result
 * of a callback that nobody awaits. Biome has rules of these names, but they do not see the types of node: modules
 * and of packages. One program answers both questions.
 */
export function checkTypes(): string | undefined {
  const faults = findTypeFaults(path.join(repositoryRoot, 'tsconfig.json'));
  return faults.length === 0 ? undefined : faults.join('\n');
}

/** The faults of the program that a tsconfig.json describes, one a line: place, then what is wrong. */
export function findTypeFaults(configFile: string): string[] {
  const root = path.dirname(configFile);
  const config = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configFile, ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(config.fileNames, config.options);
  const checker = program.getTypeChecker();
  const errors = [...config.errors, ...ts.getPreEmitDiagnostics(program)].map((diagnostic) =>
    describe(diagnostic, root),
  );
  const lost = program
    .getSourceFiles()
    .filter((file) => !file.isDeclarationFile && !file.fileName.includes('/node_modules/'))
    .flatMap((file) =>
      lostPromises(file, checker).map((fault) => `${path.relative(root, file.fileName)}${fault}`),
    );
  return [...errors, ...lost];
}

function describe(diagnostic: ts.Diagnostic, root: string): string {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
  if (diagnostic.file === undefined || diagnostic.start === undefined) return text;
  return `${path.relative(root, diagnostic.file.fileName)}${place(diagnostic.file, diagnostic.start)} ${text}`;
}

function lostPromises(file: ts.SourceFile, checker: ts.TypeChecker): string[] {
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && isFloating(node.expression, checker)) {
      faults.push(
        `${place(file, node.getStart(file))} this promise is lost: await it, return it, catch it or mark it with "void"`,
      );
    }
    if ((ts.isArrowFunction(node) || ts.isFunctionExpression(node)) && isAwaitedByNobody(node, checker)) {
      faults.push(
        `${place(file, node.getStart(file))} nobody awaits what this callback returns: its failure is lost`,
      );
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return faults;
}

function place(file: ts.SourceFile, position: number): string {
  const { line, character } = file.getLineAndCharacterOfPosition(position);
  return `:${line + 1}:${character + 1}`;
}

function isFloating(expression: ts.Expression, checker: ts.TypeChecker): boolean {
  if (!isPromise(checker.getTypeAtLocation(expression), checker)) return false;
  return !isKept(expression) && !isHandled(expression) && !isTestRegistration(expression, checker);
}

/** Whether it is assigned to something, which is then answerable for it. */
function isKept(expression: ts.Expression): boolean {
  if (!ts.isBinaryExpression(expression)) return false;
  const operator = expression.operatorToken.kind;
  return operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment;
}

/** Whether a rejection is dealt with: `.catch(f)`, `.then(f, g)`, and `.finally(h)` behind one of them. */
function isHandled(expression: ts.Expression): boolean {
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return false;
  const { name, expression: object } = expression.expression;
  if (name.text === 'catch') return expression.arguments.length > 0;
  if (name.text === 'then') return expression.arguments.length > 1;
  return name.text === 'finally' && isHandled(object);
}

/** `test(…)` and its kin at the top of a file: the runner itself awaits them. A test's own `t.test(…)` is not among them. */
function isTestRegistration(expression: ts.Expression, checker: ts.TypeChecker): boolean {
  if (!ts.isCallExpression(expression)) return false;
  const called = expression.expression;
  const root = ts.isPropertyAccessExpression(called) ? called.expression : called;
  if (!ts.isIdentifier(root)) return false;
  const declaration = checker.getSymbolAtLocation(root)?.declarations?.[0];
  return (
    declaration !== undefined &&
    ts.isImportSpecifier(declaration) &&
    declaration.parent.parent.parent.moduleSpecifier.getText().includes('node:test')
  );
}

function isAwaitedByNobody(
  callback: ts.ArrowFunction | ts.FunctionExpression,
  checker: ts.TypeChecker,
): boolean {
  if (!ts.isCallExpression(callback.parent) && !ts.isNewExpression(callback.parent)) return false;
  const own = checker.getSignatureFromDeclaration(callback);
  if (own === undefined || !isPromise(checker.getReturnTypeOfSignature(own), checker)) return false;
  const wanted = checker.getContextualType(callback)?.getCallSignatures() ?? [];
  return (
    wanted.length > 0 && wanted.every((signature) => isVoid(checker.getReturnTypeOfSignature(signature)))
  );
}

function isVoid(type: ts.Type): boolean {
  return (type.flags & ts.TypeFlags.Void) !== 0;
}

function isPromise(type: ts.Type, checker: ts.TypeChecker): boolean {
  if (type.isUnion()) return type.types.some((part) => isPromise(part, checker));
  const then = type.getProperty('then');
  return then !== undefined && checker.getTypeOfSymbol(then).getCallSignatures().length > 0;
}
