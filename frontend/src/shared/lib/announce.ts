import { createStore } from './store';

export const announcement = createStore('');

/** Say a sentence to people who listen to the page, without moving their focus. */
export function announce(sentence: string): void {
  // A live region is silent about text that it holds already.
  announcement.set(announcement.get() === sentence ? `${sentence}\u00a0` : sentence);
}
