import { describe, expect, it } from '@jest/globals';
import { runEngineProcess } from '../helpers/engine-process.js';

describe('a process that used the engine', () => {
  it('ends by itself with exit code 0 and prints nothing to stderr', () => {
    const result = runEngineProcess(`tf.add(1, 2).data().then((sum) => console.log(sum[0]));`);
    expect(result).toEqual({ code: 0, signal: null, stdout: '3\n', stderr: '' });
  });

  it('ends with exit code 0 after an error of an op was caught', () => {
    const result = runEngineProcess(`
      try { tf.add(tf.ones([2]), tf.ones([3])); } catch (error) { console.log(error.kind); }`);
    expect(result).toEqual({ code: 0, signal: null, stdout: 'op-failed\n', stderr: '' });
  });

  it('ends with exit code 1 after an error that nobody caught', () => {
    const result = runEngineProcess(`tf.add(tf.ones([2]), tf.ones([3]));`);
    expect([result.code, result.signal]).toEqual([1, null]);
    expect(result.stderr).toContain('EngineError [op-failed] op Add');
  });

  it('ends with the code of process.exit() between steps that a timer runs', () => {
    const result = runEngineProcess(`
      const weights = tf.ones([64, 64]);
      let steps = 0;
      setInterval(() => {
        tf.tidy(() => tf.grad((w) => tf.matMul(w, w).sum())(weights));
        if (++steps === 20) process.exit(0);
      }, 1);`);
    expect(result).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  it('shows what TensorFlow prints at start when it is asked to, and its own errors always', () => {
    const script = `tf.add(1, 2).dataSync(); process.stderr.write('still there\\n');`;
    expect(runEngineProcess(script).stderr).toBe('still there\n');
    const verbose = runEngineProcess(script, { ADJOINT_VERBOSE: '1' }).stderr;
    expect(verbose.length).toBeGreaterThan('still there\n'.length);
    expect(verbose).toContain('still there\n');
  });
});

describe('an engine that cannot start', () => {
  const missing = { ADJOINT_LIBTENSORFLOW: '/nowhere/libtensorflow_cc.so.2' };

  it('throws from startEngine', () => {
    const result = runEngineProcess(`try { startEngine(); } catch (error) { console.log(error.kind); }`, missing);
    expect(result).toEqual({ code: 0, signal: null, stdout: 'library-not-found\n', stderr: '' });
  });

  it('throws from the first operation: there is no silent fall back to another backend', () => {
    const result = runEngineProcess(
      `try { tf.add(1, 2); console.log('computed on ' + tf.getBackend()); } catch (error) { console.log(error.kind); }`,
      missing,
    );
    expect(result).toEqual({ code: 0, signal: null, stdout: 'library-not-found\n', stderr: '' });
  });

  it('starts after all once the reason is mended', () => {
    const result = runEngineProcess(
      `
      try { tf.add(1, 2); } catch (error) { console.log(error.kind); }
      useEngine({ library: process.env.LATER });
      console.log(startEngine().name, tf.add(1, 2).dataSync()[0]);`,
      { ...missing, LATER: process.env['ADJOINT_LIBTENSORFLOW'] ?? locate() },
    );
    expect(result).toEqual({ code: 0, signal: null, stdout: 'library-not-found\ntensorflow 3\n', stderr: '' });
  });
});

describe('useEngine', () => {
  it('bounds the threads of an op', () => {
    const threads = (options: string): number => {
      const script = `
        import { readdirSync } from 'node:fs';
        useEngine(${options});
        tf.matMul(tf.ones([256, 256]), tf.ones([256, 256])).dataSync();
        console.log(readdirSync('/proc/self/task').length);`;
      return Number(runEngineProcess(script).stdout);
    };
    if (process.platform !== 'linux') return;
    expect(threads('{ intraOpThreads: 7 }') - threads('{ intraOpThreads: 2 }')).toBe(5);
  });
});

function locate(): string {
  return runEngineProcess(`process.stdout.write(startEngine().libraryPath);`).stdout;
}
