import { beams, HEIGHT, points, times, WIDTH, type Composition } from './types';

/** The city of tomorrow as art deco saw it: stepped towers, searchlights, a ringed planet. */
export const towers: Composition = (random, palette) => {
  const middle = WIDTH / 2;
  const planet = middle + random.pick([-1, 1]) * random.between(0, 62);
  const tilt = random.between(-28, 28);
  return (
    <>
      <path d={beams(middle, HEIGHT, 14, Math.PI)} fill={palette.mid} opacity={0.35} />
      <circle cx={planet} cy={84} r={50} fill={palette.glow} />
      <path
        d={`M${planet - 50} 84a50 50 0 0 0 100 0Z`}
        fill={palette.mid}
        opacity={0.5}
        transform={`rotate(${tilt} ${planet} 84)`}
      />
      <ellipse
        cx={planet}
        cy={84}
        rx={82}
        ry={15}
        fill="none"
        stroke={palette.glow}
        strokeWidth={3}
        transform={`rotate(${tilt} ${planet} 84)`}
      />
      {times(4, (index) => {
        const away = (4 - index) * 37;
        const top = 112 + (3 - index) * 30 + random.between(-12, 12);
        const width = 40;
        const fill = index % 2 === 0 ? palette.mid : palette.deep;
        return [-1, 1].map((side) => (
          <Tower
            key={`${index}${side}`}
            x={middle + side * away}
            top={top}
            width={width}
            fill={fill}
            light={palette.glow}
          />
        ));
      })}
      <Tower x={middle} top={104} width={56} fill={palette.deep} light={palette.glow} />
      <polygon points={points([middle - 4, 82], [middle, 34], [middle + 4, 82])} fill={palette.deep} />
    </>
  );
};

interface TowerProps {
  x: number;
  top: number;
  width: number;
  fill: string;
  light: string;
}

function Tower({ x, top, width, fill, light }: TowerProps) {
  return (
    <g fill={fill}>
      <rect x={x - width / 2} y={top + 44} width={width} height={HEIGHT - top} />
      <rect x={x - width * 0.36} y={top + 18} width={width * 0.72} height={60} />
      <rect x={x - width * 0.2} y={top - 22} width={width * 0.4} height={60} />
      <path
        d={[-0.3, -0.1, 0.1, 0.3].map((at) => `M${x + at * width} ${top + 58}V${HEIGHT}`).join('')}
        stroke={light}
        strokeWidth={2}
        strokeDasharray="5 7"
        opacity={0.75}
      />
    </g>
  );
}
