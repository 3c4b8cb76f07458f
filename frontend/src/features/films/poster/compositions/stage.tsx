import { HEIGHT, points, times, WIDTH, type Composition } from './types';

/** A curtain half open, one light, and somebody alone in it. */
export const stage: Composition = (random, palette) => {
  const figure = random.between(122, 178);
  const lamp = figure + random.pick([-1, 1]) * random.between(50, 110);
  const gown = random.pick([true, false]);
  const floor = 258;
  return (
    <>
      <rect y={floor} width={WIDTH} height={HEIGHT - floor} fill={palette.deep} />
      <polygon
        points={points(
          [lamp - 6, -10],
          [lamp + 6, -10],
          [figure + 74, floor + 14],
          [figure - 74, floor + 14],
        )}
        fill={palette.glow}
        opacity={0.5}
      />
      <circle cx={figure} cy={floor - 92} r={62} fill={palette.glow} opacity={0.35} />
      <ellipse cx={figure} cy={floor + 14} rx={74} ry={19} fill={palette.glow} />
      <g fill={palette.deep}>
        <circle cx={figure} cy={floor - 110} r={15} />
        {gown ? (
          <path
            d={`M${figure - 13} ${floor - 92}h26L${figure + 10} ${floor - 54}L${figure + 40} ${floor + 16}H${figure - 40}L${figure - 10} ${floor - 54}Z`}
          />
        ) : (
          <path
            d={`M${figure - 23} ${floor - 92}h46L${figure + 19} ${floor - 34}L${figure + 13} ${floor + 16}H${figure + 3}L${figure} ${floor - 24}L${figure - 3} ${floor + 16}H${figure - 13}L${figure - 19} ${floor - 34}Z`}
          />
        )}
      </g>
      {[0, 1].map((side) => (
        <g key={side} transform={side === 1 ? `translate(${WIDTH} 0) scale(-1 1)` : undefined}>
          {times(4, (fold) => {
            const left = fold * 21;
            const sway = 26 - fold * 3;
            return (
              <path
                key={fold}
                d={`M${left} -4h22C${left + 22} 120 ${left + 20 - sway} 190 ${left + 15 - sway} ${HEIGHT}H${left - 14 - sway}C${left - 6} 190 ${left} 120 ${left} -4Z`}
                fill={fold % 2 === 0 ? palette.mid : palette.deep}
              />
            );
          })}
        </g>
      ))}
      {times(6, (index) => (
        <path
          key={index}
          d={`M${index * 50} -2h50v20a25 25 0 0 1 -50 0Z`}
          fill={index % 2 === 0 ? palette.deep : palette.mid}
          stroke={palette.glow}
          strokeWidth={1.5}
        />
      ))}
    </>
  );
};
