import { ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';

/** Refuses an input whose last dimension is unknown, or another than the one that the layer's weights were made for. */
export function expectChannels(layer: { describe(): string }, shape: Shape, built: number | undefined): void {
  const channels = shape.at(-1);
  if (channels === null || channels === undefined) {
    throw new ShapeError('input-channels', {
      where: layer.describe(),
      expected: 'a known last dimension',
      received: formatShape(shape),
      fix: 'give the input shape with its number of channels or features',
    });
  }
  if (built === undefined || built === channels) return;
  throw new ShapeError('input-channels', {
    where: layer.describe(),
    expected: `a last dimension of ${built}, which the layer was built for`,
    received: `${channels}  ${formatShape(shape)}`,
    fix: 'pass data of the shape of the first call, or make a new layer',
  });
}
