// Searches behind the combo boxes.
import type { Option } from '../components/Combobox.svelte';
import { api } from './api';
import { brief, plural } from './format';
import type { ItemBrief, Person } from './types';

const kShown = 8;

function personOption(person: Person): Option {
  const detail = brief(person.attributes).join(' · ') || (person.events === null ? '' : plural(person.events, 'event'));
  return { key: person.id, title: person.id, detail };
}

function itemOption(item: ItemBrief): Option {
  return { key: item.id, title: item.title, detail: brief(item.attributes, 2).join(' · ') };
}

export async function findPeople(text: string): Promise<Option[]> {
  return (await api.people(text, kShown)).rows.map(personOption);
}

export async function findItems(text: string): Promise<Option[]> {
  return (await api.items(text, kShown)).rows.map(itemOption);
}

/** People and items in one list; keys carry the kind ("people/196", "items/50"). */
export async function findAnything(text: string): Promise<Option[]> {
  if (!text) return [];
  const half = kShown / 2 + 1;
  const [people, items] = await Promise.all([api.people(text, half), api.items(text, half)]);
  return [
    ...people.rows.map((person) => ({ ...personOption(person), key: `people/${person.id}`, group: 'People' })),
    ...items.rows.map((item) => ({ ...itemOption(item), key: `items/${item.id}`, group: 'Items' })),
  ];
}
