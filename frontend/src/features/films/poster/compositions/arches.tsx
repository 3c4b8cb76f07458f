import { beams, HEIGHT, times, WIDTH, type Composition } from './types';

/** History: arch within arch, and light from the innermost. */
export const arches: Composition = (random, palette) => {
  const x = WIDTH / 2;
  const count = random.whole(4, 5);
  const cross = random.pick([true, false]);
  return (
    <>
      {times(count, (index) => {
        const half = 138 - index * 25;
        const spring = 168 + index * 6;
        const top = 8 + index * 30;
        return (
          <path
            key={index}
            d={`M${x - half} ${HEIGHT}V${spring}Q${x - half} ${top + 46} ${x} ${top}Q${x + half} ${top + 46} ${x + half} ${spring}V${HEIGHT}Z`}
            fill={[palette.deep, palette.mid, palette.ground, palette.deep, palette.mid][index]}
            stroke={palette.glow}
            strokeWidth={1.5}
          />
        );
      })}
      <svg x={x - 32} y={150} width={64} height={HEIGHT - 150} viewBox={`${x - 32} 150 64 ${HEIGHT - 150}`}>
        <path
          d={`M${x - 32} ${HEIGHT}V206Q${x - 30} 172 ${x} 152Q${x + 30} 172 ${x + 32} 206V${HEIGHT}Z`}
          fill={palette.glow}
        />
        <path d={beams(x, 206, 10)} fill={palette.mid} opacity={0.25} />
      </svg>
      {cross ? (
        <path d={`M${x - 4} 182h8v22h20v8h-20v70h-8v-70h-20v-8h20Z`} fill={palette.deep} />
      ) : (
        <g fill={palette.deep}>
          <circle cx={x} cy={208} r={13} />
          <path
            d={`M${x - 24} ${HEIGHT}C${x - 24} 250 ${x - 16} 226 ${x} 224S${x + 24} 250 ${x + 24} ${HEIGHT}Z`}
          />
        </g>
      )}
    </>
  );
};
