// Light, dark or as the system says. Kept in the browser, applied as the root's color-scheme.

export type Theme = 'system' | 'light' | 'dark';
const kKey = 'penchant.theme';
const kNext: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

function stored(): Theme {
  const value = window.localStorage.getItem(kKey);
  return value === 'light' || value === 'dark' ? value : 'system';
}

class ThemeChoice {
  value = $state<Theme>(stored());
  /** Grows with every change of the colours that are shown; charts redraw on it. */
  revision = $state(0);

  constructor() {
    this.#apply();
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (this.revision += 1));
  }

  next() {
    this.value = kNext[this.value];
    window.localStorage.setItem(kKey, this.value);
    this.#apply();
  }

  #apply() {
    document.documentElement.style.colorScheme = this.value === 'system' ? 'light dark' : this.value;
    this.revision += 1;
  }
}

export const theme = new ThemeChoice();
