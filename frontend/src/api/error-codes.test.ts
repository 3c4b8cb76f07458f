import ts from 'typescript';
import { expect, test } from 'vitest';

const ERRORS = 'src/api/errors.ts';
const CODES = 'src/api/error-codes.ts';

/** What the compiler says of errors.ts when the generated list of codes ends with that. */
function complaints(end: string): string[] {
  const { config } = ts.readConfigFile('tsconfig.json', (file) => ts.sys.readFile(file)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ts.sys.getCurrentDirectory());
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    const file = read(name, ...rest);
    if (!file || !name.endsWith(CODES)) return file;
    return ts.createSourceFile(
      name,
      file.text.replace('] as const', `${end}] as const`),
      ts.ScriptTarget.ES2023,
    );
  };
  const program = ts.createProgram([ERRORS], { ...options, types: [] }, host);
  return program
    .getSemanticDiagnostics(program.getSourceFile(ERRORS))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('a code that the page has no sentence for does not compile, and nothing else is wrong', () => {
  expect(complaints(`'film_torn',`)).toEqual([expect.stringContaining(`'film_torn' does not exist`)]);
}, 120_000);
