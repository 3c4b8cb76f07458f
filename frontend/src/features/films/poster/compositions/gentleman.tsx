import { beams, times, WIDTH, type Composition } from './types';

const X = WIDTH / 2;

/** Slapstick: a hat, what is under it, and a bow tie. Nothing else of him is needed. */
export const gentleman: Composition = (random, palette) => {
  const hat = random.pick(['bowler', 'boater', 'flat']);
  const face = random.pick(['moustache', 'glasses', 'both']);
  const tilt = random.between(-9, 9);
  return (
    <>
      {random.pick([true, false]) ? (
        <path d={beams(X, 170, 12, random.between(0, 0.3))} fill={palette.mid} opacity={0.3} />
      ) : (
        times(5, (index) => (
          <circle
            key={index}
            cx={X}
            cy={165}
            r={205 - index * 34}
            fill={index % 2 === 0 ? palette.mid : palette.ground}
            opacity={0.4}
          />
        ))
      )}
      <circle cx={X} cy={170} r={84} fill={palette.glow} />
      <g fill={palette.deep} transform={`rotate(${tilt} ${X} 150)`}>
        {hat === 'bowler' && <path d={`M${X - 64} 128C${X - 64} 26 ${X + 64} 26 ${X + 64} 128Z`} />}
        {hat === 'boater' && <rect x={X - 62} y={64} width={124} height={64} rx={3} />}
        {hat === 'flat' && (
          <path d={`M${X - 66} 128C${X - 78} 76 ${X - 30} 84 ${X} 90S${X + 78} 76 ${X + 66} 128Z`} />
        )}
        <rect x={X - 66} y={106} width={132} height={16} fill={palette.mid} />
        <path
          d={`M${X - 112} 122Q${X} 142 ${X + 112} 122Q${X + 104} 142 ${X} 144Q${X - 104} 142 ${X - 112} 122Z`}
        />
      </g>
      {face !== 'moustache' ? (
        <g fill="none" stroke={palette.deep} strokeWidth={6}>
          <circle cx={X - 33} cy={174} r={22} />
          <circle cx={X + 33} cy={174} r={22} />
          <path d={`M${X - 11} 172Q${X} 164 ${X + 11} 172`} />
        </g>
      ) : (
        <g fill={palette.deep}>
          <ellipse cx={X - 30} cy={174} rx={7} ry={10} />
          <ellipse cx={X + 30} cy={174} rx={7} ry={10} />
        </g>
      )}
      {face !== 'glasses' ? (
        <path
          d={`M${X} 206C${X - 14} 194 ${X - 34} 204 ${X - 44} 220C${X - 28} 226 ${X - 8} 226 ${X} 216C${X + 8} 226 ${X + 28} 226 ${X + 44} 220C${X + 34} 204 ${X + 14} 194 ${X} 206Z`}
          fill={palette.deep}
        />
      ) : (
        <path d={`M${X - 22} 216Q${X} 232 ${X + 22} 216`} fill="none" stroke={palette.deep} strokeWidth={6} />
      )}
      <g fill={palette.mid} stroke={palette.deep} strokeWidth={2}>
        <path d={`M${X} 280L${X - 56} 256V304Z M${X} 280L${X + 56} 256V304Z`} />
        <circle cx={X} cy={280} r={11} />
      </g>
    </>
  );
};
