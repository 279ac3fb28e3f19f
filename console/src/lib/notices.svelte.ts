// Short notes at the foot of the page: what was done, or why it was not.

export interface Notice {
  id: number;
  text: string;
  tone: 'good' | 'bad';
}

const kShownMs = 4500;

class Notices {
  shown = $state.raw<Notice[]>([]);
  #next = 1;

  say(text: string, tone: Notice['tone'] = 'good') {
    const notice = { id: this.#next++, text, tone };
    this.shown = [...this.shown.slice(-2), notice];
    window.setTimeout(() => this.dismiss(notice.id), kShownMs);
  }

  dismiss(id: number) {
    this.shown = this.shown.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
