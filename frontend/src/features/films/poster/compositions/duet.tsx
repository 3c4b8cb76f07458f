import { times, WIDTH, type Composition } from './types';

/** Two discs that meet, and the waves that go out from there. */
export const duet: Composition = (random, palette) => {
  const tilt = random.between(-38, 38);
  const apart = random.between(38, 54);
  const x = WIDTH / 2;
  const y = 158;
  return (
    <g transform={`rotate(${tilt} ${x} ${y})`}>
      {times(9, (index) => (
        <circle
          key={index}
          cx={x}
          cy={y}
          r={114 + index * 17}
          fill="none"
          stroke={palette.mid}
          strokeWidth={7 - index * 0.6}
          opacity={0.75 - index * 0.06}
        />
      ))}
      <circle cx={x - apart} cy={y} r={88} fill={palette.mid} />
      <circle cx={x + apart} cy={y} r={88} fill={palette.deep} />
      <path d={lens(x, y, apart, 88)} fill={palette.glow} />
      {times(6, (index) => (
        <path
          key={index}
          d={`M${x + apart + 2} ${y - 66 + index * 26}h${58 - Math.abs(index - 2.5) * 9}`}
          stroke={palette.glow}
          strokeWidth={3}
          opacity={0.85}
        />
      ))}
      <circle cx={x - apart - 40} cy={y} r={17} fill={palette.glow} opacity={0.9} />
    </g>
  );
};

/** Where two circles of one size overlap. */
function lens(x: number, y: number, apart: number, radius: number): string {
  const half = Math.sqrt(radius ** 2 - apart ** 2);
  return `M${x} ${y - half}A${radius} ${radius} 0 0 1 ${x} ${y + half}A${radius} ${radius} 0 0 1 ${x} ${y - half}Z`;
}
