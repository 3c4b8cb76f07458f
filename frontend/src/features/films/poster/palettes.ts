/** The inks of a poster. A poster is a printed sheet: it has the same colours by daylight and in the dark. */
export interface Palette {
  ground: string;
  deep: string;
  mid: string;
  glow: string;
  /** Of the panel with the title, and what is written there. */
  panel: string;
  onPanel: string;
}

export const PALETTES = {
  midnight: palette('#1d2f55', '#0c1428', '#42648f', '#f5b544', '#0c1428', '#f6ead2'),
  oxblood: palette('#6d1427', '#2a0a12', '#a83546', '#f3c887', '#2a0a12', '#fbeeda'),
  emerald: palette('#12514c', '#06251f', '#2e8a79', '#ecc766', '#06251f', '#f5ecd2'),
  kiosk: palette('#efe1c4', '#221b18', '#c22d2b', '#e2a23a', '#c22d2b', '#fff4e0'),
  silver: palette('#4a4a50', '#151518', '#7d7d85', '#e4dfd3', '#151518', '#f3efe6'),
  plum: palette('#48265a', '#1d0e28', '#87539a', '#f5a48f', '#1d0e28', '#fceee2'),
  amber: palette('#d9973a', '#33190f', '#b4501f', '#fae2ae', '#33190f', '#fae2ae'),
  lagoon: palette('#1e6873', '#0b2c34', '#e2603a', '#f6d08a', '#0b2c34', '#fbf2e1'),
  powder: palette('#e9c9bd', '#3a1a2b', '#b3486a', '#fff1df', '#3a1a2b', '#fde9df'),
  seaside: palette('#a9cdc6', '#17343f', '#d9683f', '#fbeecb', '#17343f', '#fbeecb'),
} satisfies Record<string, Palette>;

function palette(
  ground: string,
  deep: string,
  mid: string,
  glow: string,
  panel: string,
  onPanel: string,
): Palette {
  return { ground, deep, mid, glow, panel, onPanel };
}
