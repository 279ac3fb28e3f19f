// The rows of the tree of semantic IDs: what is open, flattened in the order it is shown.
import type { IdBranch, IdExample, IdNode } from './types';

export function keyOf(prefix: readonly number[]): string {
  return prefix.join(',');
}

/** "12,7" as codes; nothing where the text is no such list. */
export function readPrefix(text: string): number[] {
  return /^\d{1,5}(,\d{1,5})*$/.test(text) ? text.split(',').map(Number) : [];
}

interface Place {
  /** Unique among the rows. */
  key: string;
  /** 1 for what hangs on the root, as aria-level counts. */
  level: number;
  /** Key of the group that holds this row; empty: the root. */
  parent: string;
  /** Place among its siblings, from 1, and how many they are. */
  position: number;
  siblings: number;
}
export type TreeRow = Place &
  (
    | { kind: 'group'; node: IdNode; open: boolean }
    | { kind: 'item'; item: IdExample; prefix: number[] }
    | { kind: 'more'; prefix: number[]; left: number }
    | { kind: 'loading'; prefix: number[] }
    | { kind: 'failed'; prefix: number[] }
  );

export interface BranchState {
  branch: IdBranch | null;
  failed: boolean;
}

/** A group of one item is shown as that item, whatever codes follow. */
function isItem(node: IdNode): boolean {
  return node.items === 1 && node.examples.length === 1;
}

/** Rows below the root. `branches` by key of their prefix; a group is open when its key is in `open`. */
export function visibleRows(branches: ReadonlyMap<string, BranchState>, open: ReadonlySet<string>, prefix: number[] = []): TreeRow[] {
  const parent = keyOf(prefix);
  const level = prefix.length + 1;
  const state = branches.get(parent);
  if (!state?.branch) {
    const kind = state?.failed ? 'failed' : 'loading';
    return [{ kind, key: `${parent}/${kind}`, level, parent, prefix, position: 1, siblings: 1 }];
  }
  const { children, items, below } = state.branch;
  const siblings = below;
  const rows: TreeRow[] = [];
  children.forEach((node, index) => {
    const place = { level, parent, position: index + 1, siblings };
    const only = node.examples[0];
    if (isItem(node) && only) {
      rows.push({ kind: 'item', key: `${keyOf(node.prefix)}/${only.id}`, item: only, prefix: node.prefix, ...place });
      return;
    }
    const key = keyOf(node.prefix);
    rows.push({ kind: 'group', key, node, open: open.has(key), ...place });
    if (open.has(key)) rows.push(...visibleRows(branches, open, node.prefix));
  });
  items.forEach((item, index) => {
    rows.push({ kind: 'item', key: `${parent}/${item.id}`, level, parent, item, prefix, position: index + 1, siblings });
  });
  const left = below - children.length - items.length;
  if (left > 0) rows.push({ kind: 'more', key: `${parent}/more`, level, parent, prefix, left, position: siblings, siblings });
  return rows;
}
