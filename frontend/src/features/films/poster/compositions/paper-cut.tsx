import { HEIGHT, times, WIDTH, type Composition } from './types';

/** A fairy tale cut from card: hills one behind the other, a palace, a crescent, stars. */
export const paperCut: Composition = (random, palette) => {
  const moon = random.between(70, 230);
  const palace = random.between(96, 204);
  return (
    <>
      <circle cx={palace} cy={200} r={118} fill={palette.glow} opacity={0.22} />
      <circle cx={palace} cy={200} r={84} fill={palette.glow} opacity={0.28} />
      {times(22, (index) => (
        <path
          key={index}
          d="M0 -6L1.4 -1.4L6 0L1.4 1.4L0 6L-1.4 1.4L-6 0L-1.4 -1.4Z"
          fill={palette.glow}
          transform={`translate(${random.between(8, 292).toFixed(0)} ${random.between(10, 168).toFixed(0)}) scale(${random.between(0.4, 1.3).toFixed(2)})`}
        />
      ))}
      <path d={`M${moon} 30a40 40 0 1 0 34 61a33 33 0 1 1 -34 -61Z`} fill={palette.glow} />
      <g fill={palette.deep}>
        <rect x={palace - 46} y={196} width={92} height={70} />
        {[-40, 0, 40].map((offset) => {
          const x = palace + offset;
          const tall = offset === 0 ? 42 : 0;
          return (
            <g key={offset}>
              <rect x={x - 10} y={176 - tall} width={20} height={90} />
              <path
                d={`M${x} ${136 - tall}c3 14 17 18 17 30q0 11 -9 12h-16q-9 -1 -9 -12c0 -12 14 -16 17 -30Z`}
              />
              <rect x={x - 3} y={188 - tall} width={6} height={13} rx={3} fill={palette.glow} />
            </g>
          );
        })}
      </g>
      {times(3, (index) => {
        const base = 224 + index * 26;
        const swell = random.between(14, 34) * random.pick([-1, 1]);
        return (
          <path
            key={index}
            d={`M0 ${base}C70 ${base - swell} 110 ${base + swell} 165 ${base}S270 ${base - swell} ${WIDTH} ${base - 4}V${HEIGHT}H0Z`}
            fill={[palette.mid, palette.ground, palette.deep][index]}
            stroke={palette.deep}
            strokeOpacity={0.35}
          />
        );
      })}
    </>
  );
};
