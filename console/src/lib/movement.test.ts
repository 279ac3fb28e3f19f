import { describe, expect, it } from 'vitest';
import { compareLists, describeMovement } from './movement';

const list = (...ids: string[]) => ids.map((id, index) => ({ id, title: `Title ${id}`, rank: index + 1 }));

describe('compareLists', () => {
  it('names what is new, what rose, what fell and what left', () => {
    const movement = compareLists(list('a', 'b', 'c', 'd'), list('c', 'b', 'x', 'a'));
    expect(movement.moves.get('c')).toEqual({ kind: 'up', by: 2 });
    expect(movement.moves.get('b')).toEqual({ kind: 'same' });
    expect(movement.moves.get('x')).toEqual({ kind: 'new' });
    expect(movement.moves.get('a')).toEqual({ kind: 'down', by: 3 });
    expect(movement.left).toEqual([{ id: 'd', title: 'Title d' }]);
    expect(describeMovement(movement)).toBe('1 new, 1 up, 1 down');
  });

  it('says plainly that nothing moved', () => {
    expect(describeMovement(compareLists(list('a', 'b'), list('a', 'b')))).toBe('the same items in the same order');
  });

  it('calls every item new after an empty list', () => {
    expect(compareLists([], list('a', 'b')).entered).toBe(2);
  });
});
