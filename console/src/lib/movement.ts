// What changed between two lists of the same person, by item.

export type Move = { kind: 'new' } | { kind: 'up' | 'down'; by: number } | { kind: 'same' };

interface Placed {
  id: string;
  title: string;
  rank: number;
}

export interface Movement {
  moves: Map<string, Move>;
  left: { id: string; title: string }[];
  entered: number;
  up: number;
  down: number;
}

export function compareLists(before: readonly Placed[], after: readonly Placed[]): Movement {
  const earlier = new Map(before.map((item) => [item.id, item.rank]));
  const kept = new Set(after.map((item) => item.id));
  const result: Movement = { moves: new Map(), left: [], entered: 0, up: 0, down: 0 };
  for (const item of after) {
    const rank = earlier.get(item.id);
    if (rank === undefined) {
      result.moves.set(item.id, { kind: 'new' });
      result.entered += 1;
    } else if (rank === item.rank) {
      result.moves.set(item.id, { kind: 'same' });
    } else {
      const kind = rank > item.rank ? 'up' : 'down';
      result.moves.set(item.id, { kind, by: Math.abs(rank - item.rank) });
      result[kind] += 1;
    }
  }
  result.left = before.filter((item) => !kept.has(item.id)).map(({ id, title }) => ({ id, title }));
  return result;
}

/** "3 new, 2 up, 1 down", or a plain statement that nothing moved. */
export function describeMovement(movement: Movement): string {
  const parts = [
    movement.entered ? `${movement.entered} new` : '',
    movement.up ? `${movement.up} up` : '',
    movement.down ? `${movement.down} down` : '',
  ].filter(Boolean);
  return parts.length ? parts.join(', ') : 'the same items in the same order';
}
