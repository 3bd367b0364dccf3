import { describe, expect, it } from '@jest/globals';
import { SetupError, StateError } from '../../src/core/errors.js';
import { optionsClassOf, ownDeclaration } from '../../src/core/declaration.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child, declaredChildren, declaredWeights, Layer, Weight } from '../../src/layers/declarations.js';
import { dense, DenseOptions } from '../../src/layers/dense.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { useTestEngine } from '../helpers/engine.js';

@Layer('test/parent', DenseOptions)
class Parent extends BaseLayer<DenseOptions> {
  @Weight<Parent>((layer, input) => ({ shape: [input.at(-1), layer.options.units] })) kernel!: WeightHandle;
  @Child() head = dense({ units: 2 });

  call(x: Tensor, context?: CallContext): Tensor {
    return this.head.call(tf.matMul(x as tf.Tensor2D, this.kernel.value as tf.Tensor2D), context);
  }
}

@Layer('test/subclass')
class Subclass extends Parent {
  @Weight<Subclass>((layer) => ({ shape: [layer.options.units], initializer: 'ones' })) scale!: WeightHandle;
  @Child() tail = dense({ units: 1 });

  override call(x: Tensor, context?: CallContext): Tensor {
    return this.tail.call(
      tf.mul(tf.matMul(x as tf.Tensor2D, this.kernel.value as tf.Tensor2D), this.scale.value),
      context,
    );
  }
}

const fields = (list: readonly { field: string }[]): string[] => list.map(({ field }) => field);

describe('declarations', () => {
  useTestEngine();

  it('a subclass adds to what its parent declares and leaves the parent as it was', () => {
    expect(fields(declaredWeights(new Subclass({ units: 3 })))).toEqual(['kernel', 'scale']);
    expect(fields(declaredChildren(new Subclass({ units: 3 })))).toEqual(['head', 'tail']);
    expect(fields(declaredWeights(new Parent({ units: 3 })))).toEqual(['kernel']);
    expect(fields(declaredChildren(new Parent({ units: 3 })))).toEqual(['head']);
  });

  it('a subclass takes its parent options class and a name of its own', () => {
    expect(optionsClassOf(Subclass)).toBe(DenseOptions);
    expect(ownDeclaration(Subclass)).toEqual({ kind: 'layer', name: 'test/subclass', options: undefined });
    expect(ownDeclaration(Parent)?.name).toBe('test/parent');
  });

  it('weights and children get paths below their parent', () => {
    const layer = new Subclass({ units: 3 });
    tf.tidy(() => void layer.call(tf.ones([1, 4])));
    expect(layer.kernel.shape).toEqual([4, 3]);
    expect(layer.scale.shape).toEqual([3]);
    expect([layer.head.path, layer.tail.path]).toEqual(['head', 'tail']);
    expect([layer.head.built, layer.tail.built]).toEqual([false, true]);
    expect(layer.tail.kernel.variable.name).toBe('tail/kernel');
    layer.dispose();
    expect(layer.tail.disposed).toBe(true);
  });

  it('refuses a second declaration of a class, a field, and a field of an ancestor', () => {
    expect(() => Layer('test/again')(Parent)).toThrow(
      /\[declared-twice\] class Parent[^]*"test\/parent" and "test\/again"/,
    );
    const spec = () => ({ shape: [1] });
    const twice = () => {
      class Twice extends BaseLayer {
        @Weight(spec) @Weight(spec) a!: WeightHandle;
        call(x: Tensor): Tensor {
          return x;
        }
      }
      return Twice;
    };
    expect(twice).toThrow(/\[declared-twice\] field "a" of class Twice/);
    const both = () => {
      class Both extends Parent {
        @Child() override kernel!: WeightHandle;
      }
      return Both;
    };
    expect(both).toThrow(/\[declared-twice\] field "kernel" of class Both[^]*across its ancestors/);
    expect(both).toThrow(SetupError);
  });

  it.each(['dense', 'a b/c', '/x', ''])('refuses the name %j', (name) => {
    expect(() => Layer(name)(class {})).toThrow(/\[declared-name\]/);
  });

  it('refuses two children of one name, before anything is built', () => {
    class Twins extends BaseLayer {
      @Child() a = dense({ units: 1, name: 'twin' });
      @Child() b = dense({ units: 1, name: 'twin' });
      call(x: Tensor, context?: CallContext): Tensor {
        return this.b.call(this.a.call(x, context), context);
      }
    }
    expect(() => tf.tidy(() => void new Twins().call(tf.ones([1, 1])))).toThrow(/\[duplicate-name\][^]*"twin"/);
  });

  it('refuses a child that is no layer', () => {
    class Wrong extends BaseLayer {
      @Child() part = { units: 1 };
      call(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Wrong().children()).toThrow(/\[child-type\] field "part"/);
  });

  it('refuses a call of a layer that its caller does not declare', () => {
    const stray = dense({ units: 1 });
    class Hiding extends BaseLayer {
      call(x: Tensor, context?: CallContext): Tensor {
        return stray.call(x, context);
      }
    }
    expect(() => tf.tidy(() => void new Hiding().call(tf.ones([1, 1])))).toThrow(/\[undeclared-child\][^]*@Child\(\)/);
  });

  it('refuses what is not a tensor, and a call that returns none', () => {
    class Forgetful extends BaseLayer {
      call(x: Tensor): Tensor {
        return (x.rank > 1 ? Promise.resolve(x) : undefined) as unknown as Tensor;
      }
    }
    expect(() => dense({ units: 1 }).call([1, 2] as unknown as Tensor)).toThrow(/\[input-type\]/);
    tf.tidy(() => {
      expect(() => new Forgetful().call(tf.ones([1]))).toThrow(/\[call-result\][^]*return the output/);
      expect(() => new Forgetful().call(tf.ones([1, 1]))).toThrow(/\[call-result\][^]*a promise/);
    });
  });

  it('a weight cannot be read before it is built or after dispose', () => {
    const layer = new Parent({ units: 3, name: 'early' });
    expect(() => layer.kernel.value).toThrow(StateError);
    expect(() => layer.kernel.value).toThrow(/\[weight-not-built\] weight "kernel" of layer "early" \(Parent\)/);
    layer.build([null, 2]);
    layer.dispose();
    expect(() => layer.kernel.value).toThrow(/\[weight-disposed\]/);
    expect(() => layer.build([null, 2])).not.toThrow();
    expect(() => tf.tidy(() => void layer.call(tf.ones([1, 2])))).toThrow(/\[disposed\]/);
  });

  it('a weight of an unknown dimension is refused and nothing is left behind', () => {
    class Open extends BaseLayer {
      @Weight(() => ({ shape: [2] })) first!: WeightHandle;
      @Weight((_, input) => ({ shape: [input[1]] })) second!: WeightHandle;
      call(x: Tensor): Tensor {
        return x;
      }
    }
    const layer = new Open();
    expect(() => layer.build([null, null, 3])).toThrow(/\[weight-shape\] weight "second"/);
    expect(layer.built).toBe(false);
  });

  it('refuses the form of the standard decorators with the line of tsconfig', () => {
    const standard = { kind: 'class', name: 'X' };
    const asStandard = Layer('test/x') as unknown as (target: object, context: unknown) => void;
    expect(() => asStandard(class X {}, standard)).toThrow(SetupError);
    expect(() => asStandard(class X {}, standard)).toThrow(
      /\[standard-decorators\] decorator @Layer[^]*"experimentalDecorators": true/,
    );
    const field = { kind: 'field', name: 'kernel' };
    for (const decorator of [Weight(() => null), Child()] as unknown as ((
      target: unknown,
      context: unknown,
    ) => void)[]) {
      expect(() => decorator(undefined, field)).toThrow(/\[standard-decorators\]/);
    }
  });
});
