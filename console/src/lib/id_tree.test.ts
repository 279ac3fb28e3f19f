import { describe, expect, it } from 'vitest';
import { keyOf, readPrefix, visibleRows, type BranchState } from './id_tree';
import type { IdBranch, IdNode } from './types';

const node = (prefix: number[], items: number): IdNode => ({
  prefix,
  name: `group ${keyOf(prefix)}`,
  items,
  share: 0.1,
  terms: [],
  examples: [{ id: `i${keyOf(prefix)}`, title: 'An item', events: 1 }],
});

const branch = (children: IdNode[], more: Partial<IdBranch> = {}): BranchState => ({
  branch: { release: 'r1', levels: 2, path: [], children, items: [], below: children.length, ...more },
  failed: false,
});

describe('visibleRows', () => {
  it('shows open groups with what is below them, single items as items', () => {
    const branches = new Map([
      ['', branch([node([1], 3), node([2], 5)])],
      ['1', branch([node([1, 0], 2), node([1, 4], 1)])],
    ]);
    const closed = visibleRows(branches, new Set());
    expect(closed.map((row) => row.key)).toEqual(['1', '2']);
    const rows = visibleRows(branches, new Set(['1']));
    expect(rows.map((row) => [row.kind, row.key, row.level])).toEqual([
      ['group', '1', 1],
      ['group', '1,0', 2],
      ['item', '1,4/i1,4', 2],
      ['group', '2', 1],
    ]);
    expect(rows[2]).toMatchObject({ parent: '1', position: 2, siblings: 2 });
  });

  it('says what is loading, what failed and how much more there is', () => {
    expect(visibleRows(new Map(), new Set())[0]?.kind).toBe('loading');
    const branches = new Map<string, BranchState>([
      ['', branch([node([1], 3)], { below: 40 })],
      ['1', { branch: null, failed: true }],
    ]);
    const rows = visibleRows(branches, new Set(['1']));
    expect(rows.map((row) => row.kind)).toEqual(['group', 'failed', 'more']);
    expect(rows[2]).toMatchObject({ left: 39 });
  });

  it('lists the items of a shared ID', () => {
    const items = [{ id: 'a', title: 'A', events: 2 }, { id: 'b', title: 'B', events: 1 }];
    const branches = new Map([['', branch([node([1, 0], 2)])], ['1,0', branch([], { items, below: 2 })]]);
    expect(visibleRows(branches, new Set(['1,0'])).map((row) => row.key)).toEqual(['1,0', '1,0/a', '1,0/b']);
  });
});

describe('readPrefix', () => {
  it('reads codes and nothing else', () => {
    expect(readPrefix('12,7')).toEqual([12, 7]);
    for (const wrong of ['', 'x', '1,', ',1', '1;2', '123456']) expect(readPrefix(wrong)).toEqual([]);
  });
});
