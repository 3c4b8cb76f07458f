import axe from 'axe-core';

/**
 * What axe finds in the window, by rule and element. Left to the browser are colors, since jsdom lays nothing out, and
 * what index.html says.
 */
export async function axeFindings(): Promise<string[]> {
  const { violations } = await axe.run(document, {
    resultTypes: ['violations'],
    rules: { 'color-contrast': { enabled: false }, 'html-has-lang': { enabled: false } },
  });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
