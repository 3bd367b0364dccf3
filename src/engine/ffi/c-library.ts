import koffi, { type LibraryHandle } from 'koffi';

/** What is needed of the C library that every process already holds. */
export interface CLibrary {
  copyIn(destination: number, source: ArrayBufferView, bytes: number): void;
  copyOut(destination: ArrayBufferView, source: number, bytes: number): void;
  allocate(bytes: number): number;
  free(address: number): void;
  /** Sets a variable of the real environment: `process.env` may be a copy, as it is under jest. */
  setEnvironment(name: string, value: string): void;
  /** Takes a reference to a library that is never given back. */
  pin(path: string): void;
  /** Sends file descriptor 2 to the null device until the returned function is called. */
  silenceStandardError(): () => void;
}

const STANDARD_ERROR = 2;
const OPEN_FOR_WRITING = 1;
const BIND_NOW = 2;

let loaded: CLibrary | undefined;

export function cLibrary(): CLibrary {
  loaded ??= process.platform === 'win32' ? onWindows() : onPosix();
  return loaded;
}

function memory(library: LibraryHandle): Pick<CLibrary, 'copyIn' | 'copyOut' | 'allocate' | 'free'> {
  // Two prototypes of one symbol: a native address is a plain number, JavaScript memory is the typed array itself.
  return {
    copyIn: library.func('memcpy', 'uintptr_t', ['uintptr_t', 'void *', 'size_t']) as CLibrary['copyIn'],
    copyOut: library.func('memcpy', 'uintptr_t', ['void *', 'uintptr_t', 'size_t']) as CLibrary['copyOut'],
    allocate: library.func('malloc', 'uintptr_t', ['size_t']) as CLibrary['allocate'],
    free: library.func('free', 'void', ['uintptr_t']) as CLibrary['free'],
  };
}

function onPosix(): CLibrary {
  const library = koffi.load(null);
  const setenv = library.func('int setenv(const char *, const char *, int)');
  const dlopen = library.func('void *dlopen(const char *, int)');
  const open = library.func('int open(const char *, int)');
  const duplicate = library.func('int dup(int)') as (descriptor: number) => number;
  const duplicateTo = library.func('int dup2(int, int)');
  const close = library.func('int close(int)');
  return {
    ...memory(library),
    setEnvironment: (name, value) => void setenv(name, value, 1),
    pin: (path) => void dlopen(path, BIND_NOW),
    silenceStandardError() {
      const kept = duplicate(STANDARD_ERROR);
      const nowhere = open('/dev/null', OPEN_FOR_WRITING) as number;
      if (kept < 0 || nowhere < 0) return () => undefined;
      duplicateTo(nowhere, STANDARD_ERROR);
      close(nowhere);
      return () => {
        duplicateTo(kept, STANDARD_ERROR);
        close(kept);
      };
    },
  };
}

function onWindows(): CLibrary {
  const library = koffi.load('msvcrt.dll');
  const putenv = library.func('int _putenv(const char *)');
  return {
    ...memory(library),
    setEnvironment: (name, value) => void putenv(`${name}=${value}`),
    pin: () => undefined,
    silenceStandardError: () => () => undefined,
  };
}
