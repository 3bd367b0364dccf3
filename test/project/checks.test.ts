import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = process.cwd();
const manifest = {
  name: 'adjoint',
  type: 'module',
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
};
let work: string;
let count = 0;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'adjoint-checks-'));
});

afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

/** A package folder with these files beside the project's own settings and modules. */
function project(files: Record<string, string>): string {
  const folder = join(work, `sample-${count++}`);
  mkdirSync(folder);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'typedoc.json', 'knip.json']) {
    cpSync(join(root, name), join(folder, name));
  }
  for (const [name, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function run(args: string[], options: { cwd?: string; input?: string } = {}): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' },
    ...options,
  });
  return { code: status, output: `${stdout}${stderr}` };
}

function script(name: string, folder: string, ...args: string[]): { code: number | null; output: string } {
  return run([join('scripts', name), '--root', folder, ...args]);
}

const tool = (...path: string[]): string => join(root, 'node_modules', ...path);

const documented = `/**
 * Twice the value.
 *
 * @example
 * \`\`\`ts
 * import { twice } from 'adjoint';
 *
 * if (twice(2) !== 4) throw new Error('not twice');
 * \`\`\`
 */
export function twice(value: number): number {
  return 2 * value;
}
`;

describe('check-files', () => {
  it('passes a tidy folder', () => {
    const folder = project({ 'src/core/tidy.ts': documented });
    expect(script('check-files.mjs', folder)).toMatchObject({ code: 0 });
  });

  it('counts code lines, not comments and blank lines', () => {
    const lines = (number: number): string => 'export const text = `\n'.concat('a\n'.repeat(number - 2), '`;\n');
    const padding = '\n// why\n/**\n * more\n */\n'.repeat(100);
    const folder = project({ 'src/core/full.ts': padding + lines(300), 'src/core/overfull.ts': lines(301) });
    const { code, output } = script('check-files.mjs', folder);
    expect(code).toBe(1);
    expect(output).toContain('src/core/overfull.ts: 301 code lines, at most 300');
    expect(output).not.toContain('src/core/full.ts');
  });

  it('refuses names, barrels, machine paths and registry hosts', () => {
    const folder = project({
      'src/core/CamelCase.ts': 'export {};\n',
      'src/core/index.ts': 'export {};\n',
      'docs/page.md': `See ${'/home'}/someone/file and https://${['registry', 'npmjs', 'org'].join('.')}/koffi.\n`,
      'package-lock.json': '{ "packages": { "a": { "resolved": "https://example.test/a.tgz" } } }\n',
    });
    const { code, output } = script('check-files.mjs', folder);
    expect(code).toBe(1);
    expect(output).toContain('"CamelCase.ts" is not kebab-case');
    expect(output).toContain('src/core/index.ts: no barrel files');
    expect(output).toContain("docs/page.md:1: a path of somebody's machine");
    expect(output).toContain('docs/page.md:1: a registry host');
    expect(output).toContain('package-lock.json: names the host');
  });
});

describe('architecture', () => {
  const cruise = (folder: string): { code: number | null; output: string } =>
    run(
      [
        tool('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
        'src',
        '--config',
        join(root, '.dependency-cruiser.cjs'),
      ],
      { cwd: folder },
    );

  it('passes imports that go left, and the two exceptions', () => {
    const folder = project({
      'src/core/a.ts': 'export const a = 1;\n',
      'src/initializers/b.ts': "export { a as b } from '../core/a.js';\n",
      'src/layers/c.ts': "export { b as c } from '../initializers/b.js';\n",
      'src/callbacks/callback.ts': 'export const d = 1;\n',
      'src/debug/e.ts': "export { d as e } from '../callbacks/callback.js';\n",
      'src/engine/tfjs.ts': "export * as tf from '@tensorflow/tfjs';\n",
    });
    expect(cruise(folder)).toMatchObject({ code: 0 });
  });

  it('names every arrow to the right, cycle and forbidden package', () => {
    const folder = project({
      'src/core/a.ts': "import type { B } from '../engine/b.js';\nexport type A = B;\n",
      'src/engine/b.ts': "import koffi from 'koffi';\nexport type B = typeof koffi;\n",
      'src/losses/c.ts': "import '../metrics/d.js';\nimport 'inversify';\nimport '@tensorflow/tfjs';\n",
      'src/metrics/d.ts': "import './e.js';\nimport '../nowhere.js';\n",
      'src/metrics/e.ts': "import './d.js';\nimport '../../vendor/kernels.cjs';\n",
      'src/debug/f.ts': "import '../callbacks/other.js';\n",
      'src/callbacks/other.ts': "import '../attic/g.js';\n",
      'src/attic/g.ts': "import '../core/a.js';\n",
      'vendor/kernels.cjs': '',
    });
    const { code, output } = cruise(folder);
    expect(code).not.toBe(0);
    const broken = new Set([...output.matchAll(/error ([a-z-]+):/g)].map((match) => match[1]));
    expect([...broken].sort()).toEqual([
      'arrow-callbacks',
      'arrow-core',
      'arrow-debug',
      'arrow-losses',
      'inversify-only-from-container',
      'known-room',
      'koffi-only-from-engine-ffi',
      'no-cycles',
      'resolvable',
      'tfjs-only-from-engine-tfjs',
      'vendor-only-from-engine',
    ]);
  });
});

describe('lint', () => {
  function brokenRules(path: string, code: string): string[] {
    const args = ['--stdin', '--stdin-filename', path, '--format', 'json'];
    const { status, stdout } = spawnSync(process.execPath, [tool('eslint', 'bin', 'eslint.js'), ...args], {
      cwd: root,
      encoding: 'utf8',
      input: code,
    });
    expect(status).toBe(1);
    const [result] = JSON.parse(stdout) as { messages: { ruleId: string }[] }[];
    return [...new Set(result!.messages.map((message) => message.ruleId))].sort();
  }

  it('refuses bypassed tests', () => {
    const code = `
      import { describe, it, xit } from '@jest/globals';
      describe.${'skip'}('a', () => {});
      it.${'only'}('b', () => {});
      it['${'todo'}']('c');
      ${'xit'}('d', () => {});
    `;
    expect(brokenRules('test/project/checks.test.ts', code)).toEqual(
      expect.arrayContaining(['no-restricted-imports', 'no-restricted-properties']),
    );
  });

  it('refuses any, lost promises, value imports of types and notes to self', () => {
    const code = `
      import { Stats } from 'node:fs';
      export function size(stats: Stats, other: any): number {
        Promise.resolve(other);
        console.log(stats);
        // ${'TO' + 'DO'} finish
        return stats.size;
      }
    `;
    expect(brokenRules('src/core/nearest-name.ts', code)).toEqual([
      '@typescript-eslint/consistent-type-imports',
      '@typescript-eslint/no-explicit-any',
      '@typescript-eslint/no-floating-promises',
      'no-console',
      'no-warning-comments',
    ]);
  });
});

describe('public surface', () => {
  it('passes a documented surface and renews its list only when asked', () => {
    const folder = project({
      'src/index.ts': "export { twice } from './core/twice.js';\n",
      'src/core/twice.ts': documented,
    });
    const first = script('check-public-surface.mjs', folder);
    expect(first.code).toBe(1);
    expect(first.output).toContain('docs/public-surface.txt: does not list twice function');
    expect(script('check-public-surface.mjs', folder, '--write')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'docs', 'public-surface.txt'), 'utf8')).toBe('twice function\n');
    expect(script('check-public-surface.mjs', folder)).toMatchObject({ code: 0 });
  });

  it('names what lacks documentation, in namespaces and records too', () => {
    const folder = project({
      'src/index.ts': `
        import { twice } from './core/twice.js';
        import { half } from './core/other.js';
        export * as other from './core/other.js';
        export { twice };
        /** By name. */
        export const byName = { half };
      `,
      'src/core/twice.ts': documented,
      'src/core/other.ts': `
        /** Half of it. */
        export function half(value: number): number {
          return value / 2;
        }
        export class HalfOptions {
          value = 1;
          /** How often. */
          times = 1;
        }
        export type Undocumented = number;
      `,
      'docs/public-surface.txt': 'gone function\n',
    });
    const { code, output } = script('check-public-surface.mjs', folder);
    expect(code).toBe(1);
    expect(output).toContain('docs/public-surface.txt: lists gone function, not exported');
    expect(output).toContain('docs/public-surface.txt: does not list byName.half function');
    expect(output).toContain('docs/public-surface.txt: does not list other.Undocumented type');
    expect(output).toMatch(/other\.ts:3: function \S+half has no @example/);
    expect(output).toContain('class other.HalfOptions has no sentence of documentation');
    expect(output).toContain('type other.Undocumented has no sentence of documentation');
    expect(output).toContain('field HalfOptions.value has no doc comment');
    expect(output).not.toContain('HalfOptions.times');
    expect(output).not.toContain('twice has');
  });
});

describe('documentation examples', () => {
  const built = {
    'src/index.ts': "export { twice } from './core/twice.js';\n",
    'src/core/twice.ts': documented,
    'dist/index.js': 'export const twice = (value) => 2 * value;\n',
    'dist/index.d.ts': 'export declare function twice(value: number): number;\n',
  };
  const block = (code: string, remark = ''): string => `\`\`\`ts ${remark}\n${code}\n\`\`\`\n`;

  it('runs what it finds and says what it does not run', () => {
    const folder = project({
      ...built,
      'README.md':
        block("import { twice } from 'adjoint';\ntwice(1);") +
        block("throw new Error('never run');", 'no-run a reason'),
      'docs/page.md': block('@((constructor: unknown) => void constructor)\nclass Decorated {}\nnew Decorated();'),
    });
    const { code, output } = script('run-doc-examples.mjs', folder);
    expect(output).toContain('4 examples, 3 run, 0 failed');
    expect(output).toContain('README.md:6: not run: a reason');
    expect(code).toBe(0);
  });

  it('fails with the place of an example that throws, rejects, exits, does not compile or gives no reason', () => {
    const folder = project({
      ...built,
      'dist/index.js': 'export const twice = (value) => 3 * value;\n',
      'docs/a.md': block("import { twice } from 'adjoint';\ntwice('one');"),
      'docs/b.md': block("void Promise.reject(new Error('lost'));"),
      'docs/c.md': block('process.exit(3);'),
      'docs/d.md': block('const = 1;'),
      'docs/e.md': block('1;', 'no-run'),
      'docs/f.md': block('console.log(1);'),
    });
    const { code, output } = script('run-doc-examples.mjs', folder);
    expect(code).toBe(1);
    expect(output).toContain('7 examples, 4 run, 6 failed');
    expect(output).toMatch(/src\/core\/twice\.ts:6: Error: not twice/);
    expect(output).toMatch(/docs\/a\.md:2: line 2 of the example: Argument of type 'string'/);
    expect(output).toMatch(/docs\/b\.md:2: Error: lost/);
    expect(output).toMatch(/docs\/c\.md:2: the process ended with exit code 3/);
    expect(output).toMatch(/docs\/d\.md:2: /);
    expect(output).toContain('docs/e.md:2: no-run without a reason');
    expect(output).not.toContain('docs/f.md');
  });
});

describe('typedoc', () => {
  const typedoc = [tool('typedoc', 'bin', 'typedoc')];

  it('takes a broken link and a hidden type for errors', () => {
    const folder = project({
      'src/index.ts': "export { use } from './core/use.js';\n",
      'src/core/use.ts':
        'export interface Hidden {\n  a: number;\n}\n/** See {@link nowhere}. */\nexport function use(value: Hidden): void {\n  void value;\n}\n',
    });
    const { code, output } = run(typedoc, { cwd: folder });
    expect(code).not.toBe(0);
    expect(output).toContain('nowhere');
    expect(output).toContain('Hidden');
  });
});

describe('knip', () => {
  it('names unused files and exports', () => {
    const folder = project({
      'src/index.ts': "export { used } from './core/used.js';\n",
      'src/core/used.ts': 'export const used = 1;\nexport const unused = 2;\n',
      'src/core/forgotten.ts': 'export const forgotten = 1;\n',
    });
    const { code, output } = run([tool('knip', 'bin', 'knip.js'), '--no-config-hints'], { cwd: folder });
    expect(code).toBe(1);
    expect(output).toMatch(/unused\s/);
    expect(output).toContain('src/core/forgotten.ts');
  });
});

describe('format', () => {
  it('sees another style', () => {
    const folder = project({ 'src/core/styled.ts': 'export const  a = "b"\n' });
    cpSync(join(root, '.prettierrc.json'), join(folder, '.prettierrc.json'));
    const { code, output } = run([tool('prettier', 'bin', 'prettier.cjs'), '--check', 'src'], { cwd: folder });
    expect(code).toBe(1);
    expect(output).toContain('src/core/styled.ts');
  });
});

describe('check', () => {
  it('refuses a step it does not know', () => {
    const { code, output } = run([resolve(root, 'scripts/check.mjs'), 'lintt']);
    expect(code).toBe(2);
    expect(output).toContain('unknown step lintt; steps: build, ');
  });
});
