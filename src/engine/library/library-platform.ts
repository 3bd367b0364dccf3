/** What TensorFlow's libraries are called here, and how a library for this machine is recognised. */
export interface LibraryPlatform {
  /** As in messages: `linux x64`. */
  readonly name: string;
  readonly format: 'ELF' | 'Mach-O' | 'PE';
  /** The machine number in the file's header. */
  readonly machine: number;
  /** What the C API may be called, the usual one first. */
  readonly libraries: readonly string[];
  readonly framework: string;
}

const MACHINES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ELF: { x64: 62, arm64: 183 },
  'Mach-O': { x64: 0x01000007, arm64: 0x0100000c },
  PE: { x64: 0x8664, arm64: 0xaa64 },
};

const NAMES: Readonly<Record<string, Pick<LibraryPlatform, 'format' | 'libraries' | 'framework'>>> = {
  linux: {
    format: 'ELF',
    libraries: ['libtensorflow_cc.so.2', 'libtensorflow.so.2'],
    framework: 'libtensorflow_framework.so.2',
  },
  darwin: {
    format: 'Mach-O',
    libraries: ['libtensorflow_cc.2.dylib', 'libtensorflow.2.dylib'],
    framework: 'libtensorflow_framework.2.dylib',
  },
  win32: { format: 'PE', libraries: ['tensorflow.dll'], framework: '' },
};

export function libraryPlatform(platform: string = process.platform, arch: string = process.arch): LibraryPlatform {
  const names = NAMES[platform] ?? NAMES['linux']!;
  return { name: `${platform} ${arch}`, machine: MACHINES[names.format]![arch] ?? -1, ...names };
}

/** The name that a machine number stands for in this platform's file format. */
export function machineName(format: LibraryPlatform['format'], machine: number): string {
  const known = Object.entries(MACHINES[format]!).find(([, number]) => number === machine);
  return known?.[0] ?? `machine ${machine}`;
}
