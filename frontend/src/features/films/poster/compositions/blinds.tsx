import { HEIGHT, times, WIDTH, type Composition } from './types';

/** Film noir: a man in a hat, a window with blinds, and no way of seeing his face. */
export const blinds: Composition = (random, palette) => {
  const x = random.between(116, 184);
  const slant = random.between(-13, 13);
  return (
    <>
      <rect width={WIDTH} height={HEIGHT} fill={palette.deep} />
      <g transform={`rotate(${slant.toFixed(1)} ${WIDTH / 2} 150)`}>
        {times(11, (index) => (
          <rect
            key={index}
            x={22}
            y={14 + index * 25}
            width={256}
            height={14}
            fill={palette.glow}
            opacity={1 - index * 0.055}
          />
        ))}
        <rect x={144} y={0} width={6} height={HEIGHT} fill={palette.deep} />
      </g>
      <g fill={palette.deep}>
        <path
          d={`M${x - 118} ${HEIGHT}C${x - 112} 246 ${x - 62} 232 ${x - 30} 222V190H${x + 30}V222C${x + 62} 232 ${x + 112} 246 ${x + 118} ${HEIGHT}Z`}
        />
        <ellipse cx={x} cy={158} rx={43} ry={54} />
        <path
          d={`M${x - 48} 122C${x - 46} 66 ${x - 22} 56 ${x} 68C${x + 22} 56 ${x + 46} 66 ${x + 48} 122Z`}
        />
        <path
          d={`M${x - 92} 132C${x - 50} 104 ${x + 50} 104 ${x + 92} 126C${x + 56} 140 ${x - 50} 146 ${x - 92} 132Z`}
        />
      </g>
      <path
        d={`M${x - 47} 112Q${x} 98 ${x + 47} 110L${x + 46} 98Q${x} 86 ${x - 46} 100Z`}
        fill={palette.mid}
      />
      <path
        d={`M${x - 30} 222L${x - 10} 292L${x} 244L${x + 10} 292L${x + 30} 222L${x + 42} 232L${x + 12} ${HEIGHT}H${x - 12}L${x - 42} 232Z`}
        fill={palette.mid}
      />
    </>
  );
};
