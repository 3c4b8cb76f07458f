import { times, WIDTH, type Composition } from './types';

/** Constructivism: the eye of the camera and bars that run across the sheet. */
export const lens: Composition = (random, palette) => {
  const turn = random.between(-36, -20);
  const x = WIDTH / 2;
  const y = 152;
  return (
    <>
      <g transform={`rotate(${turn} ${x} ${y})`}>
        <rect x={-120} y={y - 118} width={540} height={34} fill={palette.mid} />
        <rect x={-120} y={y + 66} width={540} height={58} fill={palette.deep} />
        <rect x={-120} y={y + 134} width={540} height={8} fill={palette.mid} />
        {times(14, (index) => (
          <rect key={index} x={-100 + index * 40} y={y + 82} width={22} height={26} fill={palette.ground} />
        ))}
      </g>
      <circle cx={x} cy={y} r={104} fill={palette.deep} />
      <circle cx={x} cy={y} r={94} fill="none" stroke={palette.glow} strokeWidth={3} />
      <circle cx={x} cy={y} r={78} fill={palette.glow} />
      {times(8, (index) => (
        <path
          key={index}
          d={`M${x - 78} ${y}A78 78 0 0 1 ${x - 55} ${y - 55}L${x + 14} ${y - 34}Z`}
          fill={index % 2 === 0 ? palette.mid : palette.deep}
          transform={`rotate(${index * 45} ${x} ${y})`}
        />
      ))}
      <circle cx={x} cy={y} r={33} fill={palette.deep} />
      <circle cx={x + 10} cy={y - 11} r={8} fill={palette.glow} />
    </>
  );
};
