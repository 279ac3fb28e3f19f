// Routes live in the fragment (#/people/196?n=20): every screen can be linked to, and the server
// needs to know nothing about them.

function read(hash: string): { path: string[]; query: URLSearchParams } {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  path = $state.raw<string[]>([]);
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.#take();
    window.addEventListener('hashchange', () => this.#take());
  }

  #take() {
    const route = read(window.location.hash);
    this.path = route.path;
    this.query = route.query;
  }

  go(hash: string) {
    window.location.hash = hash;
  }

  /** Replaces the query of the current route without a new step in the browser's history. */
  setQuery(values: Record<string, string>) {
    const given = Object.entries(values).filter(([, value]) => value !== '');
    const search = new URLSearchParams(given).toString();
    const hash = link(...this.path) + (search ? `?${search}` : '');
    if (hash === window.location.hash) return;
    window.history.replaceState(null, '', hash);
    this.query = new URLSearchParams(search);
  }
}

export const router = new Router();

export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}
