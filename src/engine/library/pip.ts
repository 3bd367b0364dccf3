import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../core/errors.js';

/** One wheel that pip would fetch. */
export interface ReportedWheel {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  /** Undefined where pip reports none, as for a wheel in a local folder. */
  readonly sha256?: string;
  readonly requires: readonly string[];
}

export interface PipRun {
  /** Where pip puts its temporary files. */
  readonly temporary: string;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

const CANDIDATES = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['py', '-m', 'pip'], ['pip3'], ['pip']];
/** The first pip with `install --dry-run --report`. */
const OLDEST_PIP = [22, 2] as const;
const PYTHON_VERSION = { dotted: '3.11', tag: 'cp311' };
const QUICKLY = { encoding: 'utf8', timeout: 30_000, windowsHide: true } as const;
const OR_NAME_A_FILE = 'or set ADJOINT_LIBTENSORFLOW to a libtensorflow_cc.so.2 that you have';

/** The user's own pip, run from outside: its configuration, mirrors and proxies stay in force. */
export class Pip {
  private constructor(private readonly command: readonly string[]) {}

  /** @throws EngineError `python-not-found`, `pip-not-found`, `pip-too-old` */
  static find(): Pip {
    const tooOld: string[] = [];
    for (const command of CANDIDATES) {
      const version = versionOf(command);
      if (version === undefined) continue;
      const [major, minor] = version.split('.').map(Number) as [number, number];
      if (major > OLDEST_PIP[0] || (major === OLDEST_PIP[0] && minor >= OLDEST_PIP[1])) return new Pip(command);
      tooOld.push(`pip ${version} (${command.join(' ')})`);
    }
    if (tooOld.length > 0) {
      throw new EngineError('pip-too-old', {
        where: 'fetching TensorFlow with pip',
        expected: `pip ${OLDEST_PIP.join('.')} or newer`,
        received: tooOld.join('\n'),
        fix: `upgrade it: python3 -m pip install --upgrade pip (in a virtual environment where the system asks for one), ${OR_NAME_A_FILE}`,
      });
    }
    throw missing();
  }

  /**
   * What pip would fetch for these requirements, without their dependencies.
   *
   * @param platforms - platform tags of wheels that fit this machine
   */
  async report(requirements: readonly string[], platforms: readonly string[], run: PipRun): Promise<ReportedWheel[]> {
    const file = join(run.temporary, 'report.json');
    const nowhere = join(run.temporary, 'target');
    const dry = ['--dry-run', '--ignore-installed', '--report', file, '--target', nowhere];
    await this.run(['install', ...dry, ...selection(platforms), ...requirements], requirements, run);
    return parseReport(readFileSync(file, 'utf8'));
  }

  async download(
    wheels: readonly ReportedWheel[],
    platforms: readonly string[],
    to: string,
    run: PipRun,
  ): Promise<void> {
    const requirements = wheels.map(({ name, version }) => `${name}==${version}`);
    await this.run(['download', '--dest', to, ...selection(platforms), ...requirements], requirements, run);
  }

  private async run(args: readonly string[], requirements: readonly string[], run: PipRun): Promise<void> {
    const [program, ...first] = this.command as [string, ...string[]];
    const temporary = { TMPDIR: run.temporary, TMP: run.temporary, TEMP: run.temporary };
    // Settings for installing into an environment, which this is not.
    const settings = { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
    const child = spawn(program, [...first, ...args, '--no-input', '--progress-bar', 'off'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...temporary, ...settings, PYTHONUNBUFFERED: '1' },
      signal: run.signal,
      windowsHide: true,
    });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop()!;
        for (const line of parts) {
          lines.push(line);
          run.onLine?.(line);
        }
      });
    }
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code === 0) return;
    const errors = lines.filter((line) => /^\s*(ERROR|error):?/.test(line));
    throw new EngineError('pip-failed', {
      where: `\`${this.command.join(' ')}\`, asked for ${requirements.join(', ')}`,
      expected: 'a wheel for this machine from the package index that pip is configured for',
      received: (errors.length > 0 ? errors : lines.slice(-5)).map(withoutPassword).join('\n') || `exit code ${code}`,
      fix: `mend what pip says (a version that exists? a proxy? \`pip config list\`), ${OR_NAME_A_FILE}`,
    });
  }
}

function versionOf(command: readonly string[]): string | undefined {
  const [program, ...args] = command as [string, ...string[]];
  const answer = spawnSync(program, [...args, '--version'], { ...QUICKLY, env: process.env });
  return answer.status === 0 ? /^pip (\d+\.\d+\S*)/.exec(answer.stdout)?.[1] : undefined;
}

function missing(): EngineError {
  const python = ['python3', 'python'].find(
    (name) => spawnSync(name, ['--version'], { ...QUICKLY, env: process.env }).status === 0,
  );
  const packages =
    'apt install python3-pip (Debian, Ubuntu), dnf install python3-pip (Fedora), brew install python (macOS)';
  if (python === undefined) {
    return new EngineError('python-not-found', {
      where: 'fetching TensorFlow with pip',
      expected: 'a Python with pip on the PATH (needed for this command only)',
      received: 'none of the commands python3, python, py, pip',
      fix: `install one: ${packages}; ${OR_NAME_A_FILE}`,
    });
  }
  return new EngineError('pip-not-found', {
    where: 'fetching TensorFlow with pip',
    expected: 'pip (needed for this command only)',
    received: `a ${python} without pip`,
    fix: `add it: ${python} -m ensurepip --upgrade, or ${packages}; ${OR_NAME_A_FILE}`,
  });
}

function selection(platforms: readonly string[]): string[] {
  const { dotted, tag } = PYTHON_VERSION;
  const python = ['--python-version', dotted, '--implementation', 'cp', '--abi', tag];
  return ['--no-deps', '--only-binary=:all:', ...python, ...platforms.flatMap((name) => ['--platform', name])];
}

interface RawReport {
  install: {
    download_info: { url: string; archive_info?: { hashes?: Record<string, string>; hash?: string } };
    metadata: { name: string; version: string; requires_dist?: string[] };
  }[];
}

function parseReport(text: string): ReportedWheel[] {
  return (JSON.parse(text) as RawReport).install.map(({ download_info: info, metadata }) => ({
    name: metadata.name,
    version: metadata.version,
    file: decodeURIComponent(new URL(info.url).pathname.split('/').at(-1)!),
    sha256: info.archive_info?.hashes?.['sha256'] ?? /^sha256=(.*)$/.exec(info.archive_info?.hash ?? '')?.[1],
    requires: metadata.requires_dist ?? [],
  }));
}

function withoutPassword(line: string): string {
  return line.trim().replace(/(\w+:\/\/)[^/\s@]+@/g, '$1');
}
