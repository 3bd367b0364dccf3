import { scaleColour } from './colours.js';
import { cutOff, formatNumber, shorten } from './format.js';
import type { GraphEdge, LayerGraph } from './layer-graph.js';
import { markup, type Markup } from './markup.js';

const BOX = { width: 200, height: 46, gap: 28 };
const RANK = { height: 104, margin: 16 };
/** Room beside the boxes: for the words on an edge, and for each edge that passes ranks by. */
const WORDS = 124;
const LANE = { first: 44, width: 16 };
const LONGEST_LABEL = 26;
const LONGEST_TITLE = 120;

interface Place {
  readonly rank: number;
  readonly x: number;
  readonly y: number;
}

/**
 * Draws the layers from the inputs down to the loss. An edge carries the shape of its tensor and the L2 norm of the gradient
 * of the loss by it, where that was measured.
 *
 * @param cotangents - norms by path of the layer that makes the tensor
 */
export function drawLayerGraph(graph: LayerGraph, cotangents: ReadonlyMap<string, number | undefined>): Markup {
  const places = placeBoxes(graph);
  const right = Math.max(...places.map(({ x }) => x)) + BOX.width;
  const passing = graph.edges.filter((edge) => passesBy(edge, places));
  const lanes = assignLanes(passing, places);
  const used = Math.max(-1, ...lanes) + 1;
  const width = right + (used > 0 ? LANE.first + LANE.width * used : 0) + WORDS;
  const height = Math.max(...places.map(({ y }) => y)) + BOX.height + RANK.margin;
  const colourOf = colouring([...cotangents.values()].filter((norm) => norm !== undefined));
  const edges = graph.edges.map((edge) => {
    const norm = cotangents.get(graph.boxes[edge.from]!.path || ' ');
    const lane = lanes[passing.indexOf(edge)];
    const { path, x, y } =
      lane === undefined ? straight(edge, places) : around(edge, places, right + LANE.first + LANE.width * lane);
    const shape = `[${edge.shape.join(', ')}]`;
    const words = norm === undefined ? undefined : markup`<tspan x="${x}" dy="15">∂ ${formatNumber(norm)}</tspan>`;
    return markup`<g class="edge"
      ><path d="${path}" stroke="${colourOf(norm)}" /><text x="${x}" y="${y}">${shape}${words}</text></g
    >`;
  });
  const boxes = graph.boxes.map(({ path, label, ops }, i) => {
    const { x, y } = places[i]!;
    const isInput = ops.length === 0 && path === '';
    const title = label || (i === lastOutside(graph) ? 'loss and metrics' : 'outside layers');
    return markup`<g class="box${isInput ? ' input' : path === '' ? ' outside' : ''}"
      ><title>${cutOff(`${shorten(title, LONGEST_TITLE)}: ${ops.join(', ')}`, 2 * LONGEST_TITLE)}</title>
      <rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="8" />
      <text class="name" x="${x + BOX.width / 2}" y="${y + (isInput ? 28 : 20)}">${shorten(title, LONGEST_LABEL)}</text>
      <text class="ops" x="${x + BOX.width / 2}" y="${y + 36}">${cutOff(ops.join(', '), LONGEST_LABEL + 4)}</text></g
    >`;
  });
  return markup`<svg
    class="layer-graph"
    role="img"
    aria-label="Graph of ${graph.boxes.length} layers; the table below has its numbers"
    width="${width}"
    height="${height}"
    viewBox="0 0 ${width} ${height}"
  >
    ${edges}${boxes}
  </svg>`;
}

/** Layers one below the other, by the longest way from the inputs. */
function placeBoxes({ boxes, edges }: LayerGraph): Place[] {
  const ranks = boxes.map(() => 0);
  // Boxes stand in the order in which they first ran; an edge against it comes from a layer that is called again.
  for (const [i] of boxes.entries()) {
    const before = edges.filter(({ from, to }) => to === i && from < to).map(({ from }) => ranks[from]! + 1);
    ranks[i] = Math.max(0, ...before);
  }
  // An input stands right above the first that needs it.
  for (const [i, { ops, path }] of boxes.entries()) {
    if (ops.length > 0 || path !== '') continue;
    const after = edges.filter(({ from }) => from === i).map(({ to }) => ranks[to]! - 1);
    if (after.length > 0) ranks[i] = Math.max(0, Math.min(...after));
  }
  const columns = new Map<number, number>();
  const column = ranks.map(() => 0);
  // Inputs stand beside the layers of their rank, which keep to one line.
  const isInput = (i: number): boolean => boxes[i]!.ops.length === 0 && boxes[i]!.path === '';
  const order = ranks.map((_, i) => i).toSorted((a, b) => Number(isInput(a)) - Number(isInput(b)) || a - b);
  for (const i of order) {
    column[i] = columns.get(ranks[i]!) ?? 0;
    columns.set(ranks[i]!, column[i] + 1);
  }
  return ranks.map((rank, i) => ({
    rank,
    x: 8 + column[i]! * (BOX.width + BOX.gap + WORDS),
    y: RANK.margin + rank * RANK.height,
  }));
}

function passesBy({ from, to }: GraphEdge, places: readonly Place[]): boolean {
  return places[to]!.rank !== places[from]!.rank + 1;
}

/** The nearest lane on which an edge meets no other. */
function assignLanes(edges: readonly GraphEdge[], places: readonly Place[]): number[] {
  const ends: { low: number; high: number }[][] = [];
  return edges.map(({ from, to }) => {
    const [low, high] = [places[from]!.y, places[to]!.y].toSorted((a, b) => a - b) as [number, number];
    let lane = ends.findIndex((taken) => taken.every((other) => high <= other.low || other.high <= low));
    if (lane < 0) lane = ends.push([]) - 1;
    ends[lane]!.push({ low, high });
    return lane;
  });
}

function straight({ from, to }: GraphEdge, places: readonly Place[]): { path: string; x: number; y: number } {
  const [x1, y1] = [places[from]!.x + BOX.width / 2, places[from]!.y + BOX.height];
  const [x2, y2] = [places[to]!.x + BOX.width / 2, places[to]!.y];
  const middle = (y1 + y2) / 2;
  return { path: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`, x: x1 + 8, y: y1 + 24 };
}

/** Past the boxes of the ranks between, on a lane at the side. */
function around({ from, to }: GraphEdge, places: readonly Place[], lane: number): ReturnType<typeof straight> {
  const [x1, y1] = [places[from]!.x + BOX.width, places[from]!.y + BOX.height / 2 + 8];
  const [x2, y2] = [places[to]!.x + BOX.width, places[to]!.y + BOX.height / 2 - 8];
  const turn = Math.sign(y2 - y1) * Math.min(30, Math.abs(y2 - y1) / 2);
  const path = `M${x1} ${y1}C${lane} ${y1} ${lane} ${y1} ${lane} ${y1 + turn}V${y2 - turn}C${lane} ${y2} ${lane} ${y2} ${x2} ${y2}`;
  return { path, x: lane + 6, y: (y1 + y2) / 2 - 8 };
}

function lastOutside({ boxes }: LayerGraph): number {
  return boxes.findLastIndex(({ path, ops }) => path === '' && ops.length > 0);
}

/** Colours by powers of ten, over the range of what was measured. */
function colouring(norms: readonly number[]): (norm: number | undefined) => string {
  const powers = norms.filter((norm) => norm > 0 && Number.isFinite(norm)).map(Math.log10);
  const [low, high] = [Math.min(...powers), Math.max(...powers)];
  return (norm) => {
    if (norm === undefined) return 'var(--faint)';
    if (!Number.isFinite(norm)) return 'var(--bad)';
    if (norm === 0) return 'var(--zero)';
    return scaleColour(high > low ? (Math.log10(norm) - low) / (high - low) : 1);
  };
}
