// One asynchronous value on screen: the newest request wins, the old value stays while it loads.

export class Resource<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  #turn = 0;

  /** Resolves to the value when this request was the newest and succeeded, else to null. */
  async load(request: () => Promise<T>): Promise<T | null> {
    const turn = ++this.#turn;
    this.loading = true;
    try {
      const value = await request();
      if (turn !== this.#turn) return null;
      this.value = value;
      this.error = null;
      return value;
    } catch (error) {
      if (turn === this.#turn) this.error = error;
      return null;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }

  clear() {
    this.#turn += 1;
    this.value = null;
    this.error = null;
    this.loading = false;
  }
}
