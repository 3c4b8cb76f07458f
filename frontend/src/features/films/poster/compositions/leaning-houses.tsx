import { beams, HEIGHT, points, times, type Composition } from './types';

/** Expressionism: a moon that stares, and houses that lean over the street below. */
export const leaningHouses: Composition = (random, palette) => {
  const moon = random.between(90, 210);
  const height = random.between(84, 112);
  return (
    <>
      <path d={beams(moon, height, 9, random.between(0, 1))} fill={palette.mid} opacity={0.28} />
      <circle cx={moon} cy={height} r={72} fill={palette.glow} />
      <circle cx={moon} cy={height} r={72} fill="none" stroke={palette.deep} strokeWidth={1.5} />
      <circle cx={moon + random.between(-22, 22)} cy={height + 6} r={27} fill={palette.ground} />
      <circle cx={moon} cy={height + 6} r={11} fill={palette.deep} />
      {times(6, (index) => {
        const left = index * 58 - 34;
        const lean = (moon - left) * random.between(0.06, 0.2);
        const top = HEIGHT - random.between(70, 150) - Math.abs(index - 2.5) * 22;
        const width = random.between(58, 78);
        const near = index % 2 === 1;
        const window = (across: number, down: number) => {
          const shift = lean * (1 - down);
          const y = top + 16 + down * (HEIGHT - top - 10);
          const x = left + across * width + shift;
          return points([x, y], [x + 11, y - 4], [x + 8, y + 20], [x - 3, y + 17]);
        };
        return (
          <g key={index}>
            <polygon
              points={points(
                [left, HEIGHT],
                [left + lean, top],
                [left + width * random.between(0.3, 0.7) + lean * 1.5, top - random.between(34, 62)],
                [left + width + lean, top + random.between(-6, 16)],
                [left + width, HEIGHT],
              )}
              fill={near ? palette.deep : palette.mid}
              stroke={palette.deep}
            />
            <polygon points={window(0.22, 0.05)} fill={near ? palette.glow : palette.deep} />
            <polygon points={window(0.6, 0.28)} fill={near ? palette.glow : palette.deep} opacity={0.85} />
          </g>
        );
      })}
    </>
  );
};
