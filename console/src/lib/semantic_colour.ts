// One colour per (level, code), the same on every screen, so that a shared prefix can be seen.

/** Turn of the colour wheel between neighbouring codes; the golden angle keeps close codes far apart. */
const kGoldenAngle = 137.508;
/** Start of each level on the wheel, so that code 5 of level 0 and of level 1 differ. */
const kLevelTurn = 61;

export function codeHue(level: number, code: number): number {
  return Math.round((code * kGoldenAngle + level * kLevelTurn) % 360);
}

/** Number of leading codes that two IDs have in common. */
export function sharedPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
